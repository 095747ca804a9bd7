/**
 * Collects the cancel requests of one moment into one scancel: closing a pool of 100 is one call, not 100. One that the controller did not
 * hear is kept, and sent again when it answers. Knows ids only.
 */
import { ANSWERING, type Answers } from "./breaker.ts"
import type { SlurmClient } from "./client.ts"
import { isSilence } from "./silence.ts"

/** How long requests are collected, in ms. */
const COLLECT_MS = 5
/** The pauses before one that was not heard is sent again while other commands are, in ms; then the last of them. */
const AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]

interface Request {
  readonly id: string
  resolve(): void
  reject(error: unknown): void
}

export class Canceller {
  #waiting: Request[] = []
  /** Somebody will send what waits. */
  #due = false
  #unheard = 0

  constructor(
    readonly client: Pick<SlurmClient, "scancel">,
    readonly controller: Answers = ANSWERING,
  ) {}

  /**
   * Cancels one job. Resolves when Slurm took the request or no longer knows the job, which takes as long as the controller is silent: the
   * request is never dropped. @throws SlurmCommandError when it was heard and refused.
   */
  cancel(id: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, resolve, reject })
      this.#later(COLLECT_MS)
    })
  }

  #later(ms: number): void {
    if (this.#due) return
    this.#due = true
    const timer = setTimeout(async () => {
      await this.controller.pass()
      this.#due = false
      await this.#flush()
    }, ms)
    if (ms > COLLECT_MS) timer.unref() // a program whose work is done need not wait for the controller
  }

  async #flush(): Promise<void> {
    const requests = this.#waiting
    this.#waiting = []
    try {
      const failed = await this.client.scancel([...new Set(requests.map(request => request.id))])
      let heard = true
      for (const request of requests) {
        const error = failed.get(request.id)
        if (!error) request.resolve()
        else if (isSilence(error)) {
          heard = false
          this.#waiting.push(request)
        } else request.reject(error)
      }
      this.#unheard = heard ? 0 : this.#unheard + 1
      if (!heard) this.#later(AGAIN_MS[Math.min(this.#unheard, AGAIN_MS.length) - 1]! * (0.75 + 0.5 * Math.random()))
    } catch (error) {
      for (const { reject } of requests) reject(error)
    }
  }
}
