/**
 * A pool's entry among the runs of this user: its record, and the look at what earlier runs of the program left. Owns when the record
 * is written and removed; whose jobs an earlier run's are is the backend's affair.
 */
import { asError } from "../shared/as-error.ts"
import type { Backend } from "../shared/backend.ts"
import { ownProgram, type RunRecord, RunRecords } from "../shared/run-record.ts"
import type { Logger } from "./logger.ts"

export interface RunEntrySettings {
  readonly name: string
  readonly backend: Backend
  readonly logger: Logger
}

export class RunEntry {
  readonly #settings: RunEntrySettings
  readonly #run: string
  readonly #records = new RunRecords()
  #record: RunRecord | undefined

  /** @param run What the ids of the pool's runners have in common. */
  constructor(settings: RunEntrySettings, run: string) {
    this.#settings = settings
    this.#run = run
  }

  /**
   * Writes the record, before the first submission, and has earlier runs looked after beside it. Does nothing for a backend whose
   * jobs end with the program. Never rejects: a pool works without a record.
   */
  async begin(address: { host: string; port: number }): Promise<void> {
    const { backend, name, logger } = this.#settings
    if (!backend.sweep || this.#record) return
    const { host, port } = address
    const record: RunRecord = {
      v: 1,
      run: this.#run,
      pool: name,
      ...ownProgram(),
      address: { host, port },
      startedAt: Date.now(),
    }
    try {
      await this.#records.write(record)
      this.#record = record
    } catch (error) {
      logger.warn(
        { error },
        "no record of this run can be kept: if this program is killed, `slurm-flame ps` cannot tell whose its jobs are",
      )
    }
    void this.#sweep(record)
  }

  /** The pool is closed, and has no jobs any more. */
  async end(): Promise<void> {
    const record = this.#record
    this.#record = undefined
    if (!record) return
    await this.#records.remove(record).catch((error: unknown) => {
      this.#settings.logger.warn({ error }, "the record of this run cannot be removed") // whoever finds it finds no jobs
    })
  }

  /** The same while the process exits. */
  endSync(): void {
    if (this.#record) this.#records.removeSync(this.#record)
  }

  async #sweep(own: RunRecord): Promise<void> {
    const { backend, logger } = this.#settings
    try {
      const { cancelled, running } = await backend.sweep!(own)
      if (cancelled.length + running.length === 0) return
      const fields = { cancelled: cancelled.join(",") || "none", running: running.join(",") || "none" }
      logger.warn(
        fields,
        "an earlier run of this program was killed: what it had in the queue is cancelled, what runs ends by itself",
      )
    } catch (error) {
      logger.debug({ error: asError(error) }, "earlier runs of this program cannot be looked after now")
    }
  }
}
