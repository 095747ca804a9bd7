/**
 * Hand-over before the end: a runner whose walltime ends gets a successor early enough, where it would be missed. Owns when that is, who
 * gets one, and the timer. Boots and ends nobody itself, and does not know what a job is.
 */
import { after, type LongTimer } from "../shared/timer.ts"
import { BootTimes } from "./boot-times.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import type { RunnerState } from "./runner-state.ts"
import type { Succession } from "./succession.ts"

/** So long before its end a runner may stop taking work, where its backend does not say. */
const DEFAULT_DRAIN_MS = 90_000
/** But for a quarter of its life it works. */
const MOST_DRAIN = 3 / 4
/** A boot may take longer than expected: by so much, and at least by so many ms. */
const MARGIN = 1 / 4
const LEAST_MARGIN_MS = 2_000
/** Ends within this time are one end: their successors are submitted together. */
const TOGETHER_MS = 3_000
/** Who is not needed when its time has come may be needed later: it is looked again, so often before its end at least. */
const LOOKS = 8
const LEAST_PAUSE_MS = 500
const MOST_PAUSE_MS = 10_000
/** Its job has not begun. */
const WAITING: ReadonlySet<RunnerState> = new Set(["submitting", "submitted", "pending"])
/** Work so long ago, at most, is use that goes on. */
const RECENT_MS = 60_000

export interface HandoverHost {
  /** All that are not gone. */
  readonly runners: ReadonlySet<PooledRunner>
  /** So many more serve, or will, than have to be kept; one and its successor counted as one. */
  spare(): number
  /** Work may still come, or waits. */
  open(): boolean
  /** Somebody may need a successor now: ask `next`. */
  changed(): void
  /** The end of its predecessor is far away again: the runner, whose job has not begun, is not needed. */
  callOff(successor: PooledRunner): void
  /** The successor serves: the runner is to take no more work. */
  takesOver(successor: PooledRunner, runner: PooledRunner): void
}

export interface HandoverSettings {
  /** False: nobody gets a successor. */
  readonly handover: boolean
  /** A runner that has had nothing to do for so long is ended. */
  readonly idleMs: number
  readonly backend: { readonly timeLimitMs?: number | undefined; readonly runnersPerJob?: number }
}

export class Handover {
  readonly #host: HandoverHost
  readonly #succession: Succession<PooledRunner>
  readonly #settings: HandoverSettings
  readonly #times = new BootTimes()
  /** For how long a runner had still to live when its end was first heard of. */
  readonly #spans = new WeakMap<PooledRunner, number>()
  /** Successors that serve, or did: one whose worker is started again takes nothing over. */
  readonly #taken = new WeakSet<PooledRunner>()
  #timer: LongTimer | undefined
  #dueAt = Number.POSITIVE_INFINITY
  /** Whose time has come: leased ones last, as `min` alone asks for them (but where a call goes on elsewhere); then who ends first. */
  #due = new Set<PooledRunner>()
  /** How many of those that are due would be missed for their work. */
  #missed = 0
  #stopped = false

  constructor(settings: HandoverSettings, succession: Succession<PooledRunner>, host: HandoverHost) {
    this.#settings = settings
    this.#succession = succession
    this.#host = host
    this.#stopped = !settings.handover
  }

  /** A runner is about to be booted. @param adopted It is there already: nothing is learnt of how long boots take. */
  follow(runner: PooledRunner, adopted: boolean): void {
    if (this.#stopped) return
    if (!adopted) this.#times.begin(runner)
    runner.time.onChange(() => this.#review(runner))
  }

  /** A runner serves. */
  ready(runner: PooledRunner): void {
    if (this.#stopped) return
    const expected = this.#times.expectedMs
    this.#times.served(runner)
    const predecessor = this.#succession.predecessorOf(runner)
    if (predecessor && !this.#taken.has(runner)) {
      this.#taken.add(runner)
      this.#host.takesOver(runner, predecessor)
    }
    this.#review(runner)
    // Of all others it may be earlier by so much. When the time has come it is looked more closely.
    const later = this.#times.expectedMs - expected
    if (later > 0) this.#arm(this.#dueAt - performance.now() - (1 + MARGIN) * later)
  }

  /** State of the runner has changed, or it was told to take no more work; its fleet has not drawn any conclusions yet. */
  moved(runner: PooledRunner): void {
    if (!runner.ready || runner.retiring !== undefined) this.#due.delete(runner)
    // If it was a successor, another one may be needed.
    if (runner.state === "gone" && this.#succession.predecessorOf(runner)) this.#arm(LEAST_PAUSE_MS)
  }

  /**
   * Who is to have a successor now.
   * @param seats Runners that the job which is being put together could have besides: rather one of those than a seat for nobody.
   */
  next(seats: number): PooledRunner | undefined {
    for (const runner of this.#due) {
      if (!this.#mayHave(runner)) {
        this.#due.delete(runner) // it has one by now, or is let go
        if (this.#succession.successorOf(runner) && !isKept(runner)) this.#missed -= 1
        continue
      }
      const forMin = this.#due.size - this.#host.spare()
      const others = isKept(runner) || !this.#host.open() ? 0 : Math.max(this.#missed, seats)
      return Math.max(forMin, others) > 0 ? runner : undefined // they are in order: the next is wanted less
    }
    return undefined
  }

  /** Nobody gets a successor any more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.stop()
  }

  /** The scheduler has said when the runner ends, or has another end for it; or it serves, again perhaps. */
  #review(runner: PooledRunner): void {
    if (this.#stopped) return
    const { leftMs } = runner.time
    if (!this.#spans.has(runner) && Number.isFinite(leftMs)) this.#spans.set(runner, leftMs)
    const successor = this.#succession.successorOf(runner)
    // One that runs takes over all the same, and so does one that will be needed soon: its place in the queue is worth more.
    const far = runner.ready && Number.isFinite(leftMs) && leftMs > 2 * this.#leadMs(runner)
    if (far && successor && WAITING.has(successor.state)) this.#host.callOff(successor)
    this.#arm(this.#dueIn(runner))
  }

  /** How long before its end it stops taking work, and how long before that its successor is to be submitted at the earliest. */
  #lead(runner: PooledRunner): { drainMs: number; mostMs: number } {
    const { limitMs = this.#settings.backend.timeLimitMs ?? this.#spans.get(runner) ?? 0 } = runner.time
    const drainMs = Math.min(runner.job?.drainBeforeMs ?? DEFAULT_DRAIN_MS, MOST_DRAIN * limitMs)
    // Not in the first half of the time in which it works, however long the queue is: else a row of short lives would fill it.
    return { drainMs, mostMs: (drainMs + limitMs) / 2 }
  }

  #leadMs(runner: PooledRunner): number {
    const { drainMs, mostMs } = this.#lead(runner)
    const { expectedMs } = this.#times
    return Math.min(drainMs + expectedMs + Math.max(LEAST_MARGIN_MS, MARGIN * expectedMs), mostMs)
  }

  /** Milliseconds until its successor is due; Infinity if it needs none by now. */
  #dueIn(runner: PooledRunner): number {
    if (!this.#mayHave(runner)) return Number.POSITIVE_INFINITY
    return runner.time.leftMs - this.#leadMs(runner)
  }

  /** One that does not serve at present is looked at when it does. */
  #mayHave(runner: PooledRunner): boolean {
    if (!runner.ready || runner.retiring !== undefined || runner.time.endsAt === undefined) return false
    return this.#succession.successorOf(runner) === undefined
  }

  /** Makes the timer fire within `ms`; sooner, if it was to. */
  #arm(ms: number): void {
    if (this.#stopped || ms === Number.POSITIVE_INFINITY) return
    const now = performance.now()
    const dueAt = now + Math.max(0, ms)
    if (dueAt >= this.#dueAt) return
    this.#timer?.stop()
    this.#dueAt = dueAt
    // Who has nothing else to do may end: a successor is for those who stay.
    this.#timer = after(dueAt - now, () => {
      this.#dueAt = Number.POSITIVE_INFINITY
      this.#look()
    }).unref()
  }

  #look(): void {
    if (this.#stopped) return
    const due: PooledRunner[] = []
    for (const runner of this.#host.runners) {
      const ms = this.#dueIn(runner)
      const together = ms <= TOGETHER_MS && runner.time.leftMs <= this.#lead(runner).mostMs
      if (ms <= 0 || together) due.push(runner)
    }
    this.#due = new Set(due.sort((a, b) => Number(isKept(a)) - Number(isKept(b)) || a.time.leftMs - b.time.leftMs))
    this.#missed = this.#countMissed()
    if (due.length > 0) this.#host.changed()
    for (const runner of this.#host.runners) {
      const ms = this.#dueIn(runner)
      if (ms > 0) this.#arm(ms)
      else {
        const untilDrain = runner.time.leftMs - this.#lead(runner).drainMs
        this.#arm(Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, untilDrain / LOOKS)))
      }
    }
  }

  /** Of those that work, how many would have nowhere to go if all that are due ended. Who is on its way is for those who wait. */
  #countMissed(): number {
    const now = performance.now()
    let [used, stay] = [0, 0]
    for (const runner of this.#host.runners) {
      if (!runner.ready || isKept(runner) || runner.retiring !== undefined || this.#succession.isAhead(runner)) continue
      if (this.#isUsed(runner, now)) used += 1
      if (!this.#due.has(runner)) stay += 1
    }
    return used - stay
  }

  #isUsed({ idler, running }: PooledRunner, now: number): boolean {
    if (running > 0) return true
    return idler.used && now - idler.since < Math.min(RECENT_MS, this.#settings.idleMs / 2)
  }
}

/** Its holder keeps it to its end, and nothing of his goes on after that. */
function isKept({ leased, goesOn }: PooledRunner): boolean {
  return leased && !goesOn
}
