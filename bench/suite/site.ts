/**
 * The client processes, and the servers on the runner's node. Owns which subjects are open, and that none outlives the suite. When our
 * runner is lost the node of all servers is, and with it every subject.
 */
import { Asked } from "./asked.ts"
import type { OpenSubject, SuiteOptions } from "./group.ts"
import type { OursOptions, Site } from "./ours.ts"
import { OURS, type OURS_PLAIN, type Subject } from "./subjects.ts"

const CLIENT = new URL("./client-main.js", import.meta.url)
const BOOT_MS = { local: 60_000, slurm: 600_000 }
/** Without TLS it needs a job on the same node: it may not be to be had. */
const SECOND_BOOT_MS = 90_000
const OPEN_MS = 60_000
/** A work is bounded by itself; this is for one that hangs. */
const WORK_MS = 120_000

interface Opened {
  readonly methods: readonly string[]
  readonly site?: Site
}

export class SubjectProcesses {
  readonly #options: SuiteOptions
  readonly #onLost: (error: Error) => void
  readonly #open = new Map<string, { readonly asked: Asked; readonly subject: OpenSubject }>()
  readonly #starting = new Set<Asked>()
  #host: { readonly asked: Asked; readonly site: Site } | undefined
  #lost: Error | undefined

  /** @param onLost our runner, or the process that holds it, is gone: nothing more can be measured */
  constructor(options: SuiteOptions, onLost: (error: Error) => void) {
    this.#options = options
    this.#onLost = onLost
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
    if (known && !known.asked.lost) return known.subject
    if (known) throw known.asked.lost!
    if (spec.file !== undefined) return await this.#openPeer(spec, spec.file)
    const node = this.#options.backend === "slurm" ? this.#host?.site.node.name : undefined
    await this.#openOurs(spec.name, this.#options.backend === "slurm" ? SECOND_BOOT_MS : BOOT_MS.local, node)
    return this.#open.get(spec.name)!.subject
  }

  /** Nothing more can be measured: whoever waits for an answer gets `error`. */
  abandon(error: Error): void {
    if (this.#lost) return
    this.#lost = error
    for (const asked of this.#all()) asked.abandon(error)
    this.#onLost(error)
  }

  /** Ends all processes. Resolves when they are gone. */
  async close(): Promise<void> {
    const host = this.#host?.asked
    // The servers are children of our runner: their clients first, or they would complain of a connection that was cut.
    await Promise.all([...this.#all()].filter(asked => asked !== host).map(asked => asked.close()))
    await host?.close()
  }

  async #openPeer(spec: Subject, file: string): Promise<OpenSubject> {
    const host = this.#host
    if (spec.kind === "wire" && !host) throw new Error("there is no runner on whose node its server could run")
    const where = spec.kind === "wire" ? await host!.asked.ask("serve", file, OPEN_MS) : undefined
    const asked = this.#start(spec.name)
    const opened = await this.#ask(asked, { peer: file, where }, OPEN_MS)
    return this.#keep(spec.name, spec.kind, asked, opened)
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
    const asked = new Asked(CLIENT, `the client of ${name}`, onLost)
    this.#starting.add(asked)
    return asked
  }

  /** One that cannot be opened is of no use. */
  async #ask(asked: Asked, what: unknown, ms: number): Promise<Opened> {
    try {
      return await asked.ask<Opened>("open", what, ms)
    } catch (error) {
      await asked.close()
      this.#starting.delete(asked)
      throw error
    }
  }

  #keep(name: string, kind: Subject["kind"], asked: Asked, { methods }: Opened): OpenSubject {
    const subject: OpenSubject = {
      name,
      kind,
      can: method => methods.includes(method),
      work: (work, options) => asked.ask("work", { name: work, options }, WORK_MS),
    }
    this.#starting.delete(asked)
    this.#open.set(name, { asked, subject })
    return subject
  }

  *#all(): Iterable<Asked> {
    yield* this.#starting
    for (const { asked } of this.#open.values()) yield asked
  }
}
