/**
 * The runners that an earlier parent of this pool left: which of them this one can have, and what becomes of the others. Owns that choice and
 * what a runner is compared by; the files are `Persistence`'s.
 */
import { createHash } from "node:crypto"
import { asError } from "../shared/as-error.ts"
import type { Backend } from "../shared/backend.ts"
import { PROTOCOL_VERSION } from "../transport/protocol.ts"
import type { Logger } from "./logger.ts"
import type { ModuleSource } from "./module-source.ts"
import type { Persistence, RunnerRecord } from "./persistence.ts"
import type { Keeping } from "./runner-job.ts"

export interface LegacySettings {
  readonly name: string
  readonly backend: Backend
  readonly module: ModuleSource
  readonly env: Readonly<Record<string, string | undefined>>
  readonly tls: boolean
  readonly logger: Logger
}

export class Legacy implements Keeping {
  readonly #settings: LegacySettings
  readonly #persistence: Persistence
  #like = ""

  constructor(settings: LegacySettings, persistence: Persistence) {
    this.#settings = settings
    this.#persistence = persistence
  }

  get epoch(): number {
    return this.#persistence.epoch
  }

  get config() {
    return this.#persistence.config
  }

  /** The runners to be taken back. Those that this pool cannot have are ended. Never rejects. */
  async heirs(): Promise<readonly string[]> {
    const { logger } = this.#settings
    const { records } = this.#persistence
    try {
      await this.#compare()
    } catch (error) {
      // Who boots is told the same. Until the module can be had, nobody can say whose these are.
      logger.warn(
        { error: asError(error), runners: records.length },
        "runners of the pool's last parent are left as they are",
      )
      return []
    }
    const own = records.filter(record => this.#isOurs(record))
    for (const record of records) if (!own.includes(record)) this.#retire(record)
    if (own.length > 0) logger.info({ pool: this.#settings.name, runners: own.length }, "runners are taken back")
    return own.map(({ runnerId }) => runnerId)
  }

  left(runnerId: string): RunnerRecord | undefined {
    return this.#persistence.record(runnerId)
  }

  listens(port: { readonly host: string; readonly port: number }): void {
    this.#persistence.listens(port)
  }

  add(runnerId: string, key: string): void {
    this.#persistence.add({ v: 1, runnerId, key, like: this.#like })
  }

  submitted(runnerId: string, job: NonNullable<RunnerRecord["job"]>): void {
    this.#persistence.submitted(runnerId, job)
  }

  remove(runnerId: string): void {
    this.#persistence.remove(runnerId)
  }

  /** The pool is closed. */
  close(): void {
    this.#persistence.close()
  }

  #isOurs({ like, job }: RunnerRecord): boolean {
    return like === this.#like && job !== undefined
  }

  async #compare(): Promise<void> {
    const { backend, module, env, tls } = this.#settings
    const variables = Object.entries(env).map(([name, value]) => [name, value ?? null])
    const like = [PROTOCOL_VERSION, backend.name, tls, await module.digest(), variables.sort()]
    this.#like = createHash("sha256").update(JSON.stringify(like)).digest("hex")
  }

  /** It serves another module, or has another environment; or nobody knows its job, and it will find no parent. */
  #retire({ runnerId, like, job }: RunnerRecord): void {
    const { backend, logger } = this.#settings
    const why = like === this.#like ? "its job is not known" : "it was made for another module, environment or backend"
    logger.warn({ runner: runnerId, why }, "a runner of the pool's last parent is not taken back")
    this.#persistence.remove(runnerId)
    if (job === undefined || !backend.adopt) return
    const failed = (error: unknown) =>
      logger.error({ runner: runnerId, error: asError(error) }, "a runner that was left cannot be ended")
    try {
      backend.adopt(job).cancel().catch(failed)
    } catch (error) {
      failed(error) // it is another backend's; without a parent it ends by itself
    }
  }
}
