/**
 * The runners that an earlier parent of this pool left: which of them this one can have, and what becomes of the others. Owns that choice and
 * what a runner is compared by; the files are `Persistence`'s.
 */
import { createHash } from "node:crypto"
import type { Endpoint } from "../shared/address.ts"
import { asError } from "../shared/as-error.ts"
import type { Backend, Job } from "../shared/backend.ts"
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
  readonly keepDir?: string | undefined
  readonly tls: boolean
  readonly logger: Logger
}

export class Legacy implements Keeping {
  readonly #settings: LegacySettings
  readonly #persistence: Persistence
  readonly #jobs = new Map<string, Job>()
  #like = ""

  constructor(settings: LegacySettings, persistence: Persistence) {
    this.#settings = settings
    this.#persistence = persistence
  }

  get epoch(): number {
    return this.#persistence.epoch
  }

  get held(): boolean {
    return this.#persistence.held
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
    for (const record of records) this.#judge(record)
    const heirs = [...this.#jobs.keys()]
    if (heirs.length > 0) logger.info({ pool: this.#settings.name, runners: heirs.length }, "runners are taken back")
    return heirs
  }

  left(runnerId: string): { readonly key: string; readonly job: Job } | undefined {
    const job = this.#jobs.get(runnerId)
    const record = this.#persistence.record(runnerId)
    return job && record && { key: record.key, job }
  }

  listens(addresses: readonly Endpoint[]): void {
    this.#persistence.listens(addresses)
  }

  /** The same for one who has nobody to tell that it cannot be written: whoever boots a runner is told. */
  announce(addresses: readonly Endpoint[]): void {
    this.#orWarn(() => this.listens(addresses))
  }

  add(runnerId: string, key: string): void {
    this.#persistence.add({ v: 1, runnerId, key, like: this.#like })
  }

  submitted(runnerId: string, job: NonNullable<RunnerRecord["job"]>): void {
    this.#persistence.submitted(runnerId, job)
  }

  remove(runnerId: string): void {
    this.#orWarn(() => this.#persistence.remove(runnerId))
  }

  /** The pool is closed. */
  close(): void {
    this.#orWarn(() => this.#persistence.close())
  }

  /** What is left in the directory then is taken for a runner that is gone, by the next parent. */
  #orWarn(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#settings.logger.warn({ error: asError(error) }, "the directory of a pool that persists cannot be changed")
    }
  }

  async #compare(): Promise<void> {
    const { backend, module, env, tls, keepDir = null } = this.#settings
    const variables = Object.entries(env).map(([name, value]) => [name, value ?? null])
    const like = [PROTOCOL_VERSION, backend.name, tls, await module.digest(), variables.sort(), keepDir]
    this.#like = createHash("sha256").update(JSON.stringify(like)).digest("hex")
  }

  #judge({ runnerId, like, job: handle }: RunnerRecord): void {
    const { backend, logger } = this.#settings
    const alike = like === this.#like
    const why = alike ? "its job is not known" : "it was made for another module, environment or backend"
    let job: Job | undefined
    try {
      if (handle !== undefined) job = backend.adopt?.(handle)
    } catch (error) {
      logger.error({ runner: runnerId, error: asError(error) }, "the job of a runner that was left cannot be found")
    }
    if (alike && job) {
      this.#jobs.set(runnerId, job)
      return
    }
    // Without its key it finds no parent, and ends by itself if it cannot be ended.
    logger.warn({ runner: runnerId, why }, "a runner of the pool's last parent is not taken back")
    this.remove(runnerId)
    job?.cancel().catch((error: unknown) => {
      logger.error({ runner: runnerId, error: asError(error) }, "a runner that was left cannot be ended")
    })
  }
}
