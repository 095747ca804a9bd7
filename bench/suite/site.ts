/**
 * The client processes, and the servers on the runner's node. Owns which subjects are open, and that none outlives the suite. When our
 * runner is lost the node of all servers is, and with it every subject.
 */
import { Asked, Silence } from "./asked.ts"
import type { Worked } from "./client-main.ts"
import type { Collected } from "./gc.ts"
import type { OpenSubject, SuiteOptions } from "./group.ts"
import type { Served } from "./modules/agent.ts"
import type { OursOptions, Site } from "./ours.ts"
import { patience } from "./patience.ts"
import { OURS, OURS_PLAIN, type Subject } from "./subjects.ts"

const CLIENT = new URL("./client-main.js", import.meta.url)
const BOOT_MS = { local: 60_000, slurm: 600_000 }
/** Without TLS it needs a job on the same node: it may not be to be had. */
const SECOND_BOOT_MS = 90_000
const OPEN_MS = 60_000
/** For one call to our runner, when somebody else is silent who is on its node. */
const ALIVE_MS = 5_000
/** Beyond it the process that holds the runner is stuck itself. */
const HOST_MS = ALIVE_MS + 2_000

interface Running {
  readonly asked: Asked
  readonly subject: OpenSubject
  /** Of a peer that is on the runner's node. */
  readonly server?: number
  /** A work failed: what is still under way there would disturb the next. */
  failed: boolean
}

interface Opened {
  readonly methods: readonly string[]
  readonly site?: Site
}

export class SubjectProcesses {
  readonly #options: SuiteOptions
  readonly #onLost: (error: Error) => void
  readonly #onNews: (words: string) => void
  readonly #open = new Map<string, Running>()
  readonly #starting = new Set<Asked>()
  readonly #refused = new Map<string, Error>()
  #collected = new Map<string, Collected[]>()
  #host: { readonly asked: Asked; readonly site: Site } | undefined
  #lost: Error | undefined
  /** Slurm's jobs of ours, as far as their news came, and whose they are. */
  readonly jobs = new Map<string, Asked>()

  /**
   * @param onLost our runner, or the process that holds it, is gone: nothing more can be measured
   * @param onNews what the job of a runner waits for
   */
  constructor(options: SuiteOptions, onLost: (error: Error) => void, onNews: (words: string) => void) {
    this.#options = options
    this.#onLost = onLost
    this.#onNews = onNews
  }

  /** Where our runner is; undefined before `openHost`. */
  get site(): Site | undefined {
    return this.#host?.site
  }

  /** Why nothing more can be measured. */
  get lost(): Error | undefined {
    return this.#lost
  }

  /**
   * Opens our pool, on whose runner's node the servers of the others run.
   * @throws Error why there is no runner
   */
  async openHost(name: typeof OURS | typeof OURS_PLAIN): Promise<Site> {
    const { backend } = this.#options
    const { asked, opened } = await this.#openOurs(name, BOOT_MS[backend], undefined, error => this.abandon(error))
    this.#host = { asked, site: opened.site! }
    return opened.site!
  }

  /** Opens a subject, or gives the one that is open. @throws Error why it cannot be had */
  async open(spec: Subject): Promise<OpenSubject> {
    if (this.#lost) throw this.#lost
    const known = this.#open.get(spec.name)
    const good = known && !known.asked.lost && (!known.failed || spec.file === undefined)
    if (good) return known.subject
    if (known) await this.#end(spec.name, known)
    const refused = this.#refused.get(spec.name)
    if (refused) throw refused
    try {
      return await this.#openAnew(spec)
    } catch (error) {
      // It may have taken a minute to fail, and would again in each group.
      this.#refused.set(spec.name, error as Error)
      throw error
    }
  }

  async #openAnew(spec: Subject): Promise<OpenSubject> {
    if (spec.file !== undefined) return await this.#openPeer(spec, spec.file)
    const onSlurm = this.#options.backend === "slurm"
    const node = onSlurm ? this.#host?.site.node.name : undefined
    await this.#openOurs(spec.name, onSlurm ? SECOND_BOOT_MS : BOOT_MS.local, node)
    return this.#open.get(spec.name)!.subject
  }

  /** What each subject's works spent on garbage since this was asked last. */
  takeCollected(): ReadonlyMap<string, readonly Collected[]> {
    const taken = this.#collected
    this.#collected = new Map()
    return taken
  }

  /** Nothing more can be measured: whoever waits for an answer gets `error`. */
  abandon(error: Error): void {
    if (this.#lost) return
    this.#lost = error
    for (const asked of this.#all()) asked.abandon(error)
    this.#onLost(error)
  }

  /** Ends all peers: the next `open` starts them anew. Ours stay, which are silent unless they are called, and whose jobs may have waited long. */
  async rest(): Promise<void> {
    const peers = [...this.#open].filter(([name]) => name !== OURS && name !== OURS_PLAIN)
    await Promise.all(peers.map(([name, peer]) => this.#end(name, peer)))
  }

  /** Ends all processes. Resolves when they are gone. @returns those of the jobs that are not known to be */
  async close(): Promise<string[]> {
    const host = this.#host?.asked
    // The servers are children of our runner: their clients first, or they would complain of a connection that was cut.
    const clean = new Map<Asked, boolean>()
    const end = async (asked: Asked) => clean.set(asked, await asked.close())
    await Promise.all([...this.#all()].filter(asked => asked !== host).map(end))
    if (host) await end(host)
    return [...this.jobs].flatMap(([job, asked]) => (clean.get(asked) ? [] : [job]))
  }

  async #openPeer(spec: Subject, file: string): Promise<OpenSubject> {
    const host = this.#host
    if (spec.kind === "wire" && !host) throw new Error("there is no runner on whose node its server could run")
    const served = spec.kind === "wire" ? await host!.asked.ask<Served>("serve", file, OPEN_MS) : undefined
    const asked = this.#start(spec.name)
    const opened = await this.#ask(asked, { peer: file, where: served?.where }, OPEN_MS)
    return this.#keep(spec.name, spec.kind, asked, opened, served?.server)
  }

  async #openOurs(name: string, bootMs: number, node?: string, onLost?: (error: Error) => void) {
    const { backend, slurmJob, sbatch } = this.#options
    const ours: OursOptions = {
      backend,
      tls: name === OURS,
      bootMs,
      ...(slurmJob === undefined ? {} : { slurmJob }),
      ...(sbatch === undefined ? {} : { sbatch }),
      ...(node === undefined ? {} : { node }),
    }
    const asked = this.#start(name, onLost)
    const opened = await this.#ask(asked, { ours }, bootMs + OPEN_MS)
    this.#keep(name, "wire", asked, opened)
    return { asked, opened }
  }

  #start(name: string, onLost?: (error: Error) => void): Asked {
    const asked = new Asked(CLIENT, `the client of ${name}`, onLost, ({ news, job }) => {
      if (job !== undefined) this.jobs.set(job, asked)
      this.#onNews(`${name}: ${news}`)
    })
    this.#starting.add(asked)
    return asked
  }

  /** One that cannot be opened is of no use. */
  async #ask(asked: Asked, what: unknown, ms: number): Promise<Opened> {
    try {
      return await asked.ask<Opened>("open", what, ms, () => this.#runnerLost())
    } catch (error) {
      await asked.close()
      this.#starting.delete(asked)
      throw error
    }
  }

  #keep(name: string, kind: Subject["kind"], asked: Asked, { methods }: Opened, server?: number): OpenSubject {
    const work = async <T>(work: string, options: unknown): Promise<T> => {
      try {
        const what = { name: work, options }
        const { result, gcMs, ms } = await asked.ask<Worked>("work", what, patience(options), () => this.#runnerLost())
        // Where another program makes the calls, the garbage of this process is not that of who is measured.
        if (!methods.includes("slice")) this.#collected.set(name, [...(this.#collected.get(name) ?? []), { gcMs, ms }])
        return result as T
      } catch (error) {
        running.failed = true
        // It would be waited for in each group.
        if (error instanceof Silence) this.#refused.set(name, error)
        throw error
      }
    }
    const subject: OpenSubject = { name, kind, can: method => methods.includes(method), work }
    const running: Running = { asked, subject, failed: false, ...(server === undefined ? {} : { server }) }
    this.#starting.delete(asked)
    this.#open.set(name, running)
    return subject
  }

  /** The run is over when the runner does not answer: its node is that of all servers, and whoever is there is silent too. */
  async #runnerLost(): Promise<Error | undefined> {
    if (this.#lost || !this.#host) return this.#lost
    try {
      await this.#host.asked.ask("alive", ALIVE_MS, HOST_MS)
    } catch (error) {
      this.abandon(error as Error)
    }
    return this.#lost
  }

  async #end(name: string, { asked, server }: Running): Promise<void> {
    this.#open.delete(name)
    await asked.close()
    if (server !== undefined) await this.#host?.asked.ask("unserve", server, OPEN_MS)
  }

  *#all(): Iterable<Asked> {
    yield* this.#starting
    for (const { asked } of this.#open.values()) yield asked
  }
}
