/** The local backend with a say in each submission: to hold one, to fail it, to have its job. */
import { local } from "../../../src/index.ts"
import type { Backend, Job, RunnerSpec } from "../../../src/shared/backend.ts"

export interface Say {
  /** Awaited before the n-th submission (the first is 1); what it throws fails it. */
  before?: (n: number) => unknown
  /** @default local() */
  inner?: Backend
  /** What the pool is to think of it: runners of this host, or of others. @default "loopback" */
  network?: "loopback" | "fabric"
}

export class WatchedBackend implements Backend {
  readonly name = "watched"
  readonly network: "loopback" | "fabric"
  /** By the order in which they were submitted. */
  readonly jobs: Job[] = []
  /** Submissions that were asked for. */
  asked = 0
  readonly #before: NonNullable<Say["before"]>
  readonly #inner: Backend

  constructor({ before = () => {}, inner = local(), network = "loopback" }: Say = {}) {
    this.#before = before
    this.#inner = inner
    this.network = network
  }

  validate(): void {
    this.#inner.validate()
  }

  async submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    this.asked += 1
    await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }) // a pool that closes waits for no test
      Promise.resolve(this.asked).then(this.#before).then(resolve, reject)
    })
    const job = await this.#inner.submit(spec, signal)
    this.jobs.push(job)
    return job
  }

  cancelSync(jobs: readonly Job[]): void {
    this.#inner.cancelSync(jobs)
  }
}
