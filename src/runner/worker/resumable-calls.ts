/**
 * The resumable calls that run on a worker. Owns what a drain means for them: who is asked for a last state and when, and which errors say that
 * a function ended because of it. Knows neither the line nor the module.
 */
import { after, type LongTimer } from "../../shared/timer.ts"
import type { DrainReason } from "../../transport/protocol.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import type { Save } from "./checkpoint-sender.ts"
import { ResumableCall, type Resumption } from "./resumable-call.ts"

/** Ends that the parent has not asked for, and that it outlives: a call has somewhere else to go. */
const GOES_ON = new Set<DrainReason>(["walltime", "cancelled", "node-fail"])
/** States are asked for a second time when so much of the drain is left, a quarter of it at most: they have to be sent in it. */
const LAST_CALL_MS = 5_000
/** What the supervisor keeps of a job's end for itself. */
const MARGIN_MS = 1_500
/** How far down an error's causes are looked at. */
const MAX_CAUSES = 16

export class ResumableCalls {
  readonly #running = new Set<ResumableCall>()
  readonly #byId = new Map<string, ResumableCall>()
  /** Set while the runner drains, and calls may go on elsewhere. */
  #why: Error | undefined
  #timer: LongTimer | undefined
  #lastCall: Promise<void> = Promise.resolve()
  #hurry: () => void = () => {}

  /** Runs `fn` as a resumable call. One that a drain has ended is over when its last state has arrived. */
  async run<T>(
    name: string,
    request: RpcRequest,
    resumption: Resumption,
    fn: (call: ResumableCall) => T,
  ): Promise<Awaited<T>> {
    const call = new ResumableCall(name, request, resumption)
    const { once } = request.marks
    this.#running.add(call)
    if (once !== undefined) this.#byId.set(once, call)
    try {
      return await fn(call)
    } catch (error) {
      if (this.interrupted(error, request)) await Promise.race([call.settled(), this.#lastCall])
      throw error
    } finally {
      this.#running.delete(call)
      if (once !== undefined && this.#byId.get(once) === call) this.#byId.delete(once)
      call.end()
    }
  }

  /** Somebody asks for the call of that id: if it runs here, its checkpoints go there from now on. */
  asked(id: string, save: Save): void {
    this.#byId.get(id)?.goesTo(save)
  }

  /** The runner drains. Called before its signal is aborted: what a call can give at once is its state before it heard of that. */
  drain(reason: DrainReason, why: Error, graceMs: number): void {
    if (!GOES_ON.has(reason)) return
    this.#why = why
    this.#lastCall = new Promise(resolve => {
      this.#hurry = resolve
    })
    this.#endsIn(graceMs)
    for (const call of this.#running) call.drain()
  }

  /** The job's end is known, or is another one: a drain has time until then. */
  jobEndsIn(ms: number): void {
    if (this.#why) this.#endsIn(Math.max(0, ms - MARGIN_MS))
  }

  #endsIn(graceMs: number): void {
    this.#timer?.stop()
    this.#timer = after(graceMs - Math.min(LAST_CALL_MS, graceMs / 4), () => {
      for (const call of this.#running) call.drain()
      this.#hurry()
    })
  }

  /**
   * Whether a call that threw `error` ended because the runner drains. Of one that is to go on elsewhere that is assumed more readily: it is
   * known there what it was aborted for, and nothing is lost by another try.
   */
  interrupted(error: unknown, request: RpcRequest): boolean {
    const why = this.#why
    if (!why) return false
    const { resumable = false } = request.marks
    const reasons = new Set([why, ...(resumable && request.aborted ? [request.signal.reason] : [])])
    let cause = error
    for (let depth = 0; depth < MAX_CAUSES; depth++) {
      if (reasons.has(cause)) return true
      if (resumable && depth === 0 && read(cause, "name") === "AbortError") return true
      cause = read(cause, "cause")
      if (cause === undefined) return false
    }
    return false
  }
}

/** What was thrown may be anything: one that cannot be read says nothing. */
function read(thrown: unknown, field: "name" | "cause"): unknown {
  if (typeof thrown !== "object" || thrown === null) return undefined
  try {
    return (thrown as Record<string, unknown>)[field]
  } catch {
    return undefined // a proxy, or a getter, that throws
  }
}
