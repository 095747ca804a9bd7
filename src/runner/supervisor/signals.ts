/**
 * What a signal means: the scheduler's warning before the walltime, or somebody who ends the job. The signal does not say, and the two
 * leave different times. Owns that judgement: by the job's end, by the parent, who asks the scheduler, and by how many there were.
 */
import type { JobFacts } from "../../shared/boot.ts"
import { after, type LongTimer } from "../../shared/timer.ts"
import type { DrainReason } from "../../transport/protocol.ts"
import { MARGIN_MS, type Walltime } from "./walltime.ts"

/** For the parent to say what the scheduler says; half of KillWait at most. Then the worse is assumed. */
const WORD_MS = 2_000
/** Two so close to each other are one: a shell that hands on what it gets, beside a scheduler that signals all processes. */
const ONE_MS = 1_000

export interface SignalHost {
  /** Asks the parent what the scheduler says of the job. @returns whether it could be asked */
  ask(): boolean
  /** The job is being ended: drain for so long. `guessed`, since the parent may learn that there is more. */
  ended(graceMs: number): void
  /** What was taken for that is the walltime after all. */
  warned(): void
  /** The job is being ended while it drains: not longer than so. */
  shorten(graceMs: number): void
  /** Now. */
  hurry(): void
}

export class Signals {
  readonly #killWaitMs: number
  readonly #walltime: Walltime
  readonly #host: SignalHost
  #last = Number.NEGATIVE_INFINITY
  /** When the signal came that is to be explained; it is not known yet by what. */
  #open: { readonly at: number; readonly near: boolean; readonly drains: boolean } | undefined
  #timer: LongTimer | undefined
  /** A signal has begun, or hurried, the drain: the next one means now. */
  #pressed = false
  /** The signal that was not explained in time came when the warning was due. */
  #late = false

  constructor({ killWaitMs }: JobFacts, walltime: Walltime, host: SignalHost) {
    this.#killWaitMs = killWaitMs
    this.#walltime = walltime
    this.#host = host
  }

  /**
   * A signal came.
   * @param at When, on `performance.now()`'s clock: whoever kills counts from there.
   * @param drains Why the runner drains already, if it does.
   */
  heard(signal: NodeJS.Signals, at: number, drains: DrainReason | undefined): void {
    if (at - this.#last < ONE_MS) return
    this.#last = at
    if (drains !== undefined && this.#pressed) return this.#host.hurry()
    // In a drain that began at the computed time the warning may still come.
    const warning = signal === "SIGTERM" && (drains === undefined ? this.#walltime.near : drains === "walltime")
    if (warning) this.#ask(at, drains !== undefined)
    else this.#ended(at, drains !== undefined)
  }

  /** There is a line to the parent now. */
  connected(): void {
    if (this.#open && this.#host.ask()) this.#wait(WORD_MS)
  }

  /** The parent has asked the scheduler. @param runs It says that the job runs, and nobody ends it: then the parent has told its end as well. */
  answered(runs: boolean): void {
    const open = this.#open
    if (!open) {
      if (this.#late && runs && this.#walltime.near) this.#host.warned()
      this.#late = false
      return
    }
    this.#close()
    // One that came when its warning was due is explained, even if the end has moved since. One of which no end was known has to fit it.
    const explained = runs && this.#walltime.known && (open.near || this.#walltime.near)
    if (!explained) this.#ended(open.at, open.drains)
  }

  stop(): void {
    this.#timer?.stop()
  }

  #ask(at: number, drains: boolean): void {
    if (this.#open) return
    this.#open = { at, near: this.#walltime.known, drains }
    this.#wait(this.#host.ask() ? WORD_MS : Number.POSITIVE_INFINITY)
  }

  #wait(ms: number): void {
    const open = this.#open
    if (!open) return
    const most = open.at + this.#killWaitMs / 2 - performance.now()
    this.#timer?.stop()
    this.#timer = after(Math.max(0, Math.min(ms, most)), () => {
      this.#close()
      this.#late = true
      this.#ended(open.at, open.drains)
    })
  }

  #close(): void {
    this.#timer?.stop()
    this.#open = undefined
  }

  #ended(at: number, drains: boolean): void {
    this.#pressed = true
    const graceMs = Math.max(0, this.#killWaitMs - (performance.now() - at) - MARGIN_MS)
    if (drains) this.#host.shorten(graceMs)
    else this.#host.ended(graceMs)
  }
}
