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
  /** Its runners wait for the next parent of its name, and only one parent at a time may have that name. */
  readonly persist?: boolean
  /** For so long, in ms. */
  readonly orphanMs: number
  readonly backend: Backend
  readonly logger: Logger
}

export class RunEntry {
  readonly #settings: RunEntrySettings
  readonly #run: string
  readonly #records = new RunRecords()
  /** Its own and, of a pool that persists, those of the runs whose runners it has taken back. */
  #written: RunRecord[] = []
  #begun: Promise<void> | undefined

  /** @param run What the ids of the pool's runners have in common. */
  constructor(settings: RunEntrySettings, run: string) {
    this.#settings = settings
    this.#run = run
  }

  /**
   * Writes the record, before the first submission, and has earlier runs looked after beside it; once, however often it is called. Does
   * nothing for a backend whose jobs end with the program. Never rejects: a pool works without a record.
   */
  begin(address: { host: string; port: number }): Promise<void> {
    this.#begun ??= this.#begin(address)
    return this.#begun
  }

  async #begin({ host, port }: { host: string; port: number }): Promise<void> {
    const { backend, name, logger, persist = false, orphanMs } = this.#settings
    if (!backend.sweep) return
    const facts = { ...ownProgram(), address: { host, port }, ...(persist && { persist: { waitMs: orphanMs } }) }
    const record: RunRecord = { v: 1, run: this.#run, pool: name, ...facts, startedAt: Date.now() }
    try {
      // Nobody else can be the parent of those now; first of all, or the look at earlier runs would find them dead.
      for (const { deadSince: _, ...left } of persist ? await this.#left() : [])
        await this.#write({ ...left, ...facts })
      await this.#write(record)
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
    await this.#begun
    const written = this.#written
    this.#written = []
    try {
      for (const record of written) await this.#records.remove(record)
    } catch (error) {
      this.#settings.logger.warn({ error }, "the record of this run cannot be removed") // whoever finds it finds no jobs
    }
  }

  /** The same while the process exits without that. Runners that wait for another parent are still there. */
  endSync(): void {
    if (!this.#settings.persist) for (const record of this.#written) this.#records.removeSync(record)
  }

  /** What earlier parents of a pool that persists left. */
  async #left(): Promise<RunRecord[]> {
    const { name } = this.#settings
    return (await this.#records.list()).filter(({ pool, persist }) => pool === name && persist !== undefined)
  }

  async #write(record: RunRecord): Promise<void> {
    await this.#records.write(record)
    this.#written.push(record)
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
