/**
 * One runner's wish for a job, from `submit` to the job or the error. Owns the promise its asker holds and when it may be given up;
 * knows nothing of how jobs are submitted.
 */
import type { Job, RunnerSpec, WantedRunner } from "../shared/backend.ts"
import { onAbort } from "../shared/on-abort.ts"

export class JobRequest {
  readonly spec: RunnerSpec
  readonly signal: AbortSignal
  readonly job: Promise<Job>
  #resolve!: (job: Job) => void
  #reject!: (reason: unknown) => void
  #forget: () => void = () => {}

  constructor({ spec, signal }: WantedRunner) {
    this.spec = spec
    this.signal = signal
    this.job = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.reopen()
  }

  /** From here on there may be a job: nothing is given up before that is known. */
  commit(): void {
    this.#forget()
  }

  /** There is no job, and none on its way: whoever gives up is told at once. */
  reopen(): void {
    const giveUp = () => this.#reject(this.signal.reason)
    if (this.signal.aborted) giveUp()
    else this.#forget = onAbort(this.signal, giveUp)
  }

  resolve(job: Job): void {
    this.#forget()
    this.#resolve(job)
  }

  /** Its asker hears why he gave up, where he did, and of `error` else. */
  fail(error: unknown): void {
    this.#forget()
    this.#reject(this.signal.aborted ? this.signal.reason : error)
  }
}
