/**
 * The run of the groups, and what they measure with. Owns the report as it grows: whatever ends the run early, what was measured until then
 * is in it.
 */
import { loadavg } from "node:os"
import { createPool, type Pool } from "slurm-flame"
import { loadWarnings, machineWarnings } from "./about/doubts.ts"
import { collectAbout } from "./about.ts"
import { atOnce } from "./at-once.ts"
import { backendOf } from "./backend.ts"
import { collectionFigures } from "./gc.ts"
import type { Bench, Group, OpenSubject, SuiteOptions } from "./group.ts"
import { optionsTold } from "./options-told.ts"
import { type About, type GroupReport, type Report, SCHEMA } from "./report.ts"
import { shortened } from "./report-text.ts"
import { SubjectProcesses } from "./site.ts"
import { OURS, OURS_PLAIN, type Subject } from "./subjects.ts"

/** Of the suite itself at most: a client and its server, and what the two have the kernel do. */
const OWN_LOAD = 3

/** What becomes known while it runs, for a terminal. */
export interface Watcher {
  about(about: About): void
  progress(words: string): void
  /** Worth a line wherever it is shown: that a job waits, and why. */
  news(words: string): void
  warning(words: string): void
  group(report: GroupReport): void
}

export interface SuiteRun {
  readonly options: SuiteOptions
  readonly groups: readonly Group[]
  /** All that there are, also those that were not chosen. */
  readonly subjects: readonly Subject[]
  readonly version: string
  /** The command line. */
  readonly command: string
  readonly watcher: Watcher
}

/** Subjects that are opened at the same time: each is two processes that start. */
const OPENING = 4

export class Suite implements Bench {
  readonly options: SuiteOptions
  readonly #run: SuiteRun
  readonly #processes: SubjectProcesses
  readonly #ending = new AbortController()
  readonly #pools = new Set<Pool<unknown>>()
  readonly #reports: GroupReport[] = []
  readonly #warnings: string[] = []
  #about: About | undefined
  #group: Group | undefined
  #skipped = new Map<string, string>()
  /** True when something of ours did not work. */
  #broken = false
  /** From outside. */
  #stopped = false

  constructor(run: SuiteRun) {
    this.#run = run
    this.options = run.options
    this.#processes = new SubjectProcesses(
      run.options,
      error => this.#abandon(error),
      words => run.watcher.news(words),
    )
  }

  /** @throws Error before the first group: it is not known yet */
  get about(): About {
    if (!this.#about) throw new Error("it is not known yet where this is measured")
    return this.#about
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Whether all that was wanted of ours was measured. */
  get ok(): boolean {
    return !this.#broken && this.#processes.lost === undefined
  }

  /**
   * Measures. Ends all that it started.
   * @throws Error when there is no runner: then there is nothing to report
   */
  async measure(): Promise<Report> {
    const began = performance.now()
    try {
      await this.#open()
      for (const words of machineWarnings(this.about)) this.warn(words)
      for (const group of this.#run.groups) {
        if (this.#processes.lost) break
        await this.#measureGroup(group)
      }
      for (const words of loadWarnings(this.about, loadavg()[0]!, OWN_LOAD)) this.warn(words)
      const { lost } = this.#processes
      if (lost) this.warn(`the run ended early: ${lost.message}; what was measured until then is here`)
    } finally {
      const left = await this.#close()
      if (this.#stopped) {
        for (const job of this.#processes.jobs.keys()) {
          const end = left.includes(job) ? "may still be there: slurm-flame ps shows it" : "was cancelled"
          this.#run.watcher.news(`the job ${job} ${end}`)
        }
      }
    }
    return {
      schema: SCHEMA,
      about: this.about,
      options: optionsTold(
        this.options,
        this.#run.groups.map(({ id }) => id),
      ),
      groups: this.#reports,
      warnings: this.#warnings,
      seconds: (performance.now() - began) / 1_000,
    }
  }

  /** Ends it early; `measure` gives what there is. */
  stop(reason: Error): void {
    this.#stopped = true
    this.#abandon(reason)
  }

  #abandon(reason: Error): void {
    this.#ending.abort(reason)
    this.#processes.abandon(reason)
    this.#closePools()
  }

  async with<T>(names: readonly string[] | "all", body: (open: readonly OpenSubject[]) => Promise<T>): Promise<T> {
    const { subjects } = this.options
    const chosen = this.#run.subjects.filter(
      ({ name }) => (names === "all" || names.includes(name)) && (!subjects || subjects.includes(name)),
    )
    const open = (await atOnce(chosen, OPENING, spec => this.#openSubject(spec))).filter(one => one !== undefined)
    return await body(open)
  }

  /** Undefined when it cannot be had: then it is told why. */
  async #openSubject(spec: Subject): Promise<OpenSubject | undefined> {
    if (spec.name === OURS && !this.options.tls) this.note(spec.name, "--no-tls asks for the other one instead")
    else if (spec.missing !== undefined) this.note(spec.name, spec.missing)
    else {
      this.progress(`opening ${spec.name}`)
      try {
        return await this.#processes.open(spec)
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error)
        // It needs a second job on the same node, which a cluster need not have to give.
        const mayLack = spec.name === OURS_PLAIN && this.options.tls && this.options.backend === "slurm"
        if (mayLack && !this.#processes.lost) this.note(spec.name, words)
        else this.skip(spec.name, words)
      }
    }
    return undefined
  }

  async pool(module: URL, options: Record<string, unknown>): Promise<Pool<unknown>> {
    const given = { ...(this.options.tls ? {} : { tls: false }), backend: backendOf(this.options), max: 1, ...options }
    const pool = createPool<unknown>({ module, ...given })
    this.#pools.add(pool)
    return pool
  }

  note(subject: string, reason: string): void {
    if (!this.#skipped.has(subject)) this.#skipped.set(subject, shortened(reason))
  }

  skip(subject: string, reason: string): void {
    if (this.#skipped.has(subject)) return
    this.#skipped.set(subject, shortened(reason))
    if (subject === OURS || subject === OURS_PLAIN) {
      this.#broken = true
      // Why nothing more can be measured is told once, at the end.
      if (!this.signal.aborted) this.warn(`${subject} is not in it: ${reason}`)
    }
  }

  warn(words: string): void {
    const whole = shortened(this.#group ? `${this.#group.id}: ${words}` : words)
    if (this.#warnings.includes(whole)) return
    this.#warnings.push(whole)
    this.#run.watcher.warning(whole)
  }

  progress(words: string): void {
    this.#run.watcher.progress(this.#group ? `${this.#group.id}: ${words}` : words)
  }

  async #open(): Promise<void> {
    const { options, version, command, watcher } = this.#run
    this.progress(
      options.backend === "slurm" ? "waiting for a runner: Slurm's queue, and its boot" : "starting a runner",
    )
    const { parentAddress, node } = await this.#processes.openHost(options.tls ? OURS : OURS_PLAIN)
    this.#about = await collectAbout(options, { version, command, address: parentAddress, runners: [node] })
    watcher.about(this.#about)
  }

  async #measureGroup(group: Group): Promise<void> {
    const began = performance.now()
    this.#group = group
    this.#skipped = new Map()
    const { id, title, how } = group
    const why = group.unavailable?.(this.options)
    let figures: GroupReport["figures"] = []
    if (why !== undefined) this.#skipped.set("all", why)
    else {
      try {
        if (group.alone) await this.#processes.rest()
        figures = await group.run(this)
      } catch (error) {
        this.#broken = true
        this.warn(`it failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    const collections = collectionFigures(id, this.#processes.takeCollected())
    const skipped = [...this.#skipped].map(([subject, reason]) => ({ subject, reason }))
    const report = {
      id,
      title,
      how,
      figures: [...figures, ...collections],
      skipped,
      seconds: (performance.now() - began) / 1_000,
    }
    this.#reports.push(report)
    this.#group = undefined
    this.#run.watcher.group(report)
  }

  /** @returns the jobs that are not known to be gone */
  async #close(): Promise<string[]> {
    this.progress("ending what was started")
    const [left] = await Promise.all([this.#processes.close(), this.#closePools()])
    return left
  }

  async #closePools(): Promise<void> {
    await Promise.all([...this.#pools].map(pool => pool.close({ timeout: 0 })))
  }
}
