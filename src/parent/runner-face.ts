/**
 * The side of a runner that its callers and its pool see: what the pool writes on it, and the ways to its slots. Owns nothing of its
 * life: that is the runner's.
 */
import type { GoneReason, JobEvidence, RunnerLostError } from "../shared/errors.ts"
import type { ComlinkPort } from "../transport/comlink-port.ts"
import { BootMoments } from "./boot-moments.ts"
import type { Call, CallTarget } from "./call.ts"
import { lostError } from "./lost-error.ts"
import type { EndReason } from "./pooled-runner.ts"
import type { RunnerState } from "./runner-state.ts"
import type { Service } from "./service.ts"
import { TimeLeft } from "./time-left.ts"

export abstract class RunnerFace {
  leased = false
  working = false
  reserved = false
  retiring: EndReason | undefined
  readonly time: TimeLeft = new TimeLeft()
  readonly moments: BootMoments = new BootMoments()
  /** The id of the runner whose place it takes. */
  readonly successorOf: string | undefined
  abstract readonly id: string
  abstract readonly state: RunnerState
  /** What is known of its job. */
  abstract readonly evidence: JobEvidence
  abstract readonly goneReason: GoneReason | undefined
  protected abstract readonly service: Service

  constructor({ successorOf }: { readonly successorOf?: string | undefined }) {
    this.successorOf = successorOf
  }

  get ready(): boolean {
    return this.state === "ready"
  }

  get running(): number {
    return this.service.running
  }

  get goesOn(): boolean {
    return this.service.goesOn
  }

  get endpoint(): ComlinkPort | undefined {
    return this.service.endpoint
  }

  run(call: Call, again: (failed: boolean) => void): void {
    this.service.run(call, again)
  }

  hold(task: (target: CallTarget, leave: () => void) => void, notStarted: () => void): void {
    this.service.hold(task, notStarted)
  }

  onGone(listener: () => void): () => void {
    return this.service.onEnd(listener)
  }

  /** The error of who needed it. @param started The call had been sent. */
  lostError(started: boolean): RunnerLostError {
    return lostError(this.id, this.goneReason ?? "connection-lost", started, this.evidence)
  }
}
