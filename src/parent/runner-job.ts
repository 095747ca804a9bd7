/**
 * The job under one runner: submitted, watched, ended for certain. Owns the job, the key it was given and what is known of it;
 * the runner's state is the runner's.
 */
import type { Endpoint } from "../shared/address.ts"
import type { Backend, Job, JobStatus } from "../shared/backend.ts"
import { BOOT_VARIABLE, encodeBoot, type PersistConfig } from "../shared/boot.ts"
import type { JobEvidence } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import { newKey } from "../transport/psk.ts"
import type { Port } from "./hub.ts"
import type { Logger } from "./logger.ts"
import type { ModuleSource } from "./module-source.ts"
import type { Submissions } from "./submissions.ts"
import { UnconfirmedEnds } from "./unconfirmed-ends.ts"

export interface JobSettings {
  readonly runnerId: string
  readonly pool: string
  readonly backend: Backend
  readonly module: ModuleSource
  /** Where this runner's submission joins those of its pool; left out: it goes by itself. */
  readonly submissions?: Submissions
  /** Where it is said that the job may be left; left out: by itself. */
  readonly unconfirmed?: UnconfirmedEnds
  readonly hub: () => Promise<Port>
  /** The supervisor's file. */
  readonly entry: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  /** Where the runner moves what is to survive its own directory; absolute. */
  readonly keepDir?: string
  /** In a pool that persists: what is left to its next parent, and was left by the one before. */
  readonly keeping?: Keeping | undefined
}

/** What a runner's job leaves to the pool's next parent. */
export interface Keeping {
  /** False: the runners are another parent's by now. */
  readonly held: boolean
  /** For the runner: where and for how long it looks for a parent. */
  readonly config: PersistConfig
  /** The key and the job of a runner that was left; undefined: it is a new one. */
  left(runnerId: string): { readonly key: string; readonly job: Job } | undefined
  listens(addresses: readonly Endpoint[]): void
  add(runnerId: string, key: string): void
  submitted(runnerId: string, job: Json): void
  remove(runnerId: string): void
}

export interface JobHandler {
  /** A peer proved to have the runner's key. */
  accept(peer: AcceptedPeer): void
  submitted(): void
  status(status: JobStatus): void
}

/** After a goodbye a job ends by itself; it may be late by so much before it is helped along. */
export const LATE_MS = 5_000
/** Reading the end of a file; a shared file system may take its time, or hang. */
const HEAR_MS = 1_000
/** How often it is helped before its end is taken on trust. */
const ATTEMPTS = 3

export class RunnerJob {
  readonly #settings: JobSettings
  readonly #handler: JobHandler
  readonly #submission = new AbortController()
  /** The job was there already: another parent left it. */
  readonly adopted: boolean
  #job: Job | undefined
  #evidence: JobEvidence = {}
  #revoke: (() => void) | undefined
  #submitting: Promise<unknown> = Promise.resolve()

  constructor(settings: JobSettings, handler: JobHandler) {
    this.#settings = settings
    this.#handler = handler
    this.#job = settings.keeping?.left(settings.runnerId)?.job
    this.adopted = this.#job !== undefined
    if (!this.adopted) settings.submissions?.expect?.(this.#submission.signal)
  }

  get job(): Job | undefined {
    return this.#job
  }

  /** What is known of the job, whoever told it. */
  get evidence(): JobEvidence {
    return this.#evidence
  }

  /** Adds what is defined in `evidence`; forgets `outdated`. */
  learn(evidence: JobEvidence, ...outdated: (keyof JobEvidence)[]): void {
    const known = Object.entries(this.#evidence).filter(([name]) => !outdated.includes(name as keyof JobEvidence))
    const news = Object.entries(evidence).filter(([, value]) => value !== undefined && value !== "")
    this.#evidence = Object.fromEntries([...known, ...news])
  }

  /** What the scheduler says now; undefined before there is a job. Never rejects. */
  async ask(): Promise<JobStatus | undefined> {
    return await this.#job?.ask()
  }

  /** Learns what a job that runs has written so far, if that can be read in a moment. Never rejects. */
  async hear(): Promise<void> {
    const job = this.#job
    if (job?.status.state !== "running") return
    let timer: LongTimer | undefined
    const late = new Promise<string>(resolve => {
      timer = after(HEAR_MS, () => resolve(""))
    })
    this.learn({ stderrTail: await Promise.race([job.stderrTail(), late]) })
    timer?.stop()
  }

  attend(interest: "watch" | "rest"): void {
    this.#job?.attend(interest)
  }

  /** Admits the runner to the port and submits its job. @throws whatever the backend or the module says; `end`'s reason. */
  async submit(): Promise<void> {
    this.#submitting = this.#submit()
    await this.#submitting
  }

  /** The runner is gone: its key is void, a submission under way is called off, and the job is cancelled unless it leaves by itself. */
  end(reason: Error, leaving: boolean): void {
    this.#revoke?.()
    this.#submission.abort(reason)
    if (leaving) this.#job?.leave?.()
    else this.#cancel()
  }

  /** Resolves when the job is known to have ended, or the scheduler would not say so. Never rejects. */
  async over(): Promise<void> {
    await this.#submitting.catch(() => {}) // its failure went to the boot; here it only matters that nothing is under way
    if (await this.#ended()) this.#settings.keeping?.remove(this.#settings.runnerId)
  }

  /** False: the scheduler would not say so. */
  async #ended(): Promise<boolean> {
    const job = this.#job
    if (!job || job.status.state === "ended") return true
    const { logger, unconfirmed = new UnconfirmedEnds(logger) } = this.#settings
    return await new Promise<boolean>(resolve => {
      let attempts = 0
      const help = setInterval(() => {
        attempts += 1
        if (attempts <= ATTEMPTS) {
          this.#cancel()
          return
        }
        clearInterval(help)
        unconfirmed.add(job.id)
        resolve(false)
      }, LATE_MS)
      void job.ended().then(() => {
        clearInterval(help)
        resolve(true)
      })
    })
  }

  async #submit(): Promise<void> {
    const { backend, submissions = backend, module, hub, entry, env, pool, runnerId, keeping, keepDir } = this.#settings
    const { signal } = this.#submission
    const left = keeping?.left(runnerId)
    const key = left ? Buffer.from(left.key, "base64") : newKey()
    if (backend.network === "fabric") await module.ready() // no job is submitted for a module that cannot be bundled
    const { addresses, tls } = await hub().then(open => {
      signal.throwIfAborted()
      this.#revoke = open.admit(runnerId, key, peer => {
        // It runs, whatever the scheduler has said so far: there is more to be learnt of it now.
        if (this.#job?.status.state === "pending") void this.#job.ask()
        this.#handler.accept(peer)
      })
      return open
    })
    keeping?.listens(addresses)
    const submit = (): Promise<Job> => {
      keeping?.add(runnerId, key.toString("base64")) // before it: who is killed in between leaves a key that is of use
      const persist = keeping && { persist: keeping.config }
      const optional = { ...persist, ...(keepDir !== undefined && { keepDir }) }
      const boot = encodeBoot({ v: 1, runnerId, pool, addresses, tls, key: key.toString("base64"), ...optional })
      const secretEnv = { [BOOT_VARIABLE]: boot }
      return submissions.submit({ runnerId, pool, entry, nodeArgs: [], env, secretEnv }, signal)
    }
    const job = this.#job ?? (await submit())
    this.#job = job
    if (job.handle !== undefined && !left) keeping?.submitted(runnerId, job.handle)
    this.learn({ jobId: job.id })
    if (signal.aborted) {
      this.#cancel()
      signal.throwIfAborted()
    }
    this.#handler.submitted()
    job.onStatus(status => this.#handler.status(status))
    this.#handler.status(job.status)
  }

  #cancel(): void {
    const { logger, runnerId } = this.#settings
    const job = this.#job
    if (!job || job.status.state === "ended" || this.#settings.keeping?.held === false) return
    job
      .cancel()
      .catch((error: Error) => logger.error({ runner: runnerId, job: job.id, error }, "a job cannot be cancelled"))
  }
}
