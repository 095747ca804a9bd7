/** Collects the cancel requests of one moment into one scancel: closing a pool of 100 is one call, not 100. Knows ids only. */
import type { SlurmClient } from "./client.ts"

/** How long requests are collected, in ms. */
const COLLECT_MS = 5

interface Request {
  readonly id: string
  resolve(): void
  reject(error: unknown): void
}

export class Canceller {
  #waiting: Request[] = []

  constructor(readonly client: Pick<SlurmClient, "scancel">) {}

  /** Cancels one job. Resolves when Slurm took the request or no longer knows the job. @throws SlurmCommandError otherwise. */
  cancel(id: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, resolve, reject })
      if (this.#waiting.length === 1) setTimeout(() => void this.#flush(), COLLECT_MS)
    })
  }

  async #flush(): Promise<void> {
    const requests = this.#waiting
    this.#waiting = []
    try {
      const failed = await this.client.scancel([...new Set(requests.map(request => request.id))])
      for (const { id, resolve, reject } of requests) {
        const error = failed.get(id)
        if (error) reject(error)
        else resolve()
      }
    } catch (error) {
      for (const { reject } of requests) reject(error)
    }
  }
}
