/**
 * What becomes of a runner that has lost its parent. The one place that decides it, from how the loss looks from here; carries
 * nothing out.
 */
import { ConnectionError, HandshakeError } from "../../shared/errors.ts"
import { isFenced } from "../../transport/fenced.ts"
import { CloseCode } from "../../transport/protocol.ts"

/** What is known when the line to the parent is over. */
export interface ParentLoss {
  readonly reason: Error
  /** The lease had run out: the parent may live, have given this runner up, and have its calls run elsewhere by now. */
  readonly expired: boolean
  /** Work is open that does not belong to its caller, and may go on without a parent. */
  readonly unlinked: boolean
}

/** How long the runner may take to end, in ms. */
export interface Graces {
  /** For hooks, when the parent is certainly gone. */
  readonly orphanGraceMs: number
  /** The same while unlinked work is open. */
  readonly unlinkedGraceMs: number
}

/**
 * Milliseconds that the worker has from now on; 0: it is killed at once, hooks and all. A parent that is dead runs nothing elsewhere,
 * so that there is time for hooks. One that gave this runner up (it refuses to go on, or has had the time to) may be running its
 * calls elsewhere. Unlinked work is promised its time from whatever parent, but not in a job that was started anew.
 */
export function graceAfter(loss: ParentLoss, { orphanGraceMs, unlinkedGraceMs }: Graces): number {
  if (isFenced(loss.reason)) return 0
  if (loss.unlinked) return unlinkedGraceMs
  return loss.expired || isRefusal(loss.reason) ? 0 : orphanGraceMs
}

/**
 * True: in a pool that persists the runner looks for its next parent, as long as `orphanTimeout`, and ends only when none has come. Who
 * refuses to go on may be that one, at the port of the last. Not when the parent has let the runner go, or another incarnation is the runner.
 */
export function mayHaveAnother(reason: Error): boolean {
  return !isFenced(reason) && !(reason instanceof ConnectionError && reason.closeCode === CloseCode.bye)
}

function isRefusal(reason: unknown): boolean {
  for (let one = reason; one instanceof Error; one = one.cause) if (one instanceof HandshakeError) return true
  return false
}
