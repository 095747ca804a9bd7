/**
 * Gathers the submissions of one turn of the event loop, so that runners which are wanted together are submitted together.
 * Owns who is gathered; knows nothing of what a submission is. It is the turn that counts, never a time: nobody waits for others that may come.
 */
import type { Backend, Job, RunnerSpec } from "../shared/backend.ts"
import { Submissions } from "./submissions.ts"

interface Gathered {
  readonly spec: RunnerSpec
  readonly signal: AbortSignal
  readonly resolve: (job: Job | Promise<Job>) => void
  readonly reject: (reason: unknown) => void
}

/** One for each pool: what one pool wants goes out in one piece, whatever another wants. */
export class SubmitBatch extends Submissions {
  readonly #backend: Backend
  #gathered: Gathered[] = []

  constructor(backend: Backend) {
    super()
    this.#backend = backend
  }

  /** Becomes `Backend.submit` at once where the backend cannot take several, and for one that is alone in its turn. */
  protected take(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    if (!this.#backend.submitMany) return this.#backend.submit(spec, signal)
    return new Promise((resolve, reject) => {
      this.#gathered.push({ spec, signal, resolve, reject })
      // The runners of one growth get here after the same number of awaits, but not in the same microtask.
      if (this.#gathered.length === 1) setImmediate(() => this.#flush())
    })
  }

  #flush(): void {
    const wanted = this.#gathered.filter(({ signal, reject }) => {
      if (signal.aborted) reject(signal.reason)
      return !signal.aborted
    })
    this.#gathered = []
    if (wanted.length > 1) {
      const jobs = this.#backend.submitMany!(wanted.map(({ spec, signal }) => ({ spec, signal })))
      for (const [i, { resolve }] of wanted.entries()) resolve(jobs[i]!)
    } else for (const { spec, signal, resolve } of wanted) resolve(this.#backend.submit(spec, signal))
  }
}
