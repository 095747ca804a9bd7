/**
 * When a runner's newest boot came how far: the stages of a cold start, as the parent sees them. Owns these moments; knows no runner,
 * and decides nothing.
 */
import type { RunnerState } from "./runner-state.ts"

/**
 * The newest boot of a runner, on this program's clock. Each is undefined until it has come to that, and again when the boot begins anew
 * further back: when its job is put back into the queue, or its worker is started again.
 */
export interface BootInfo {
  /** The pool wanted this runner. */
  readonly wanted: Date
  /** The backend has its job: sbatch has answered, or the process is there. */
  readonly submitted: Date | undefined
  /** First word that the job runs: the scheduler's, who is asked now and then, or the runner's own, whichever came first. */
  readonly running: Date | undefined
  /** Its worker has said hello, and is told what to import. */
  readonly connected: Date | undefined
  /** Its module has been imported: it takes calls. */
  readonly serving: Date | undefined
}

type Moment = Exclude<keyof BootInfo, "wanted">

/** In the order in which they come. */
const MOMENTS: readonly Moment[] = ["submitted", "running", "connected", "serving"]

/** What it means to come into a state; the others begin nothing. */
const REACHES: Partial<Record<RunnerState, Moment>> = { submitted: "submitted", booting: "running", ready: "serving" }

export class BootMoments {
  readonly #wanted: number
  readonly #at = new Map<Moment, number>()

  /** @param now In ms since 1970, here and below. */
  constructor(now = Date.now()) {
    this.#wanted = now
  }

  /** The runner is in another state. */
  moved(to: RunnerState, now = Date.now()): void {
    if (to === "pending") return this.#forget("running")
    const moment = REACHES[to]
    if (moment === undefined) return
    this.#forget(moment) // a worker that is started again boots from there on
    this.#at.set(moment, now)
  }

  /** Its worker said hello. */
  connected(now = Date.now()): void {
    this.#at.set("connected", now)
  }

  get info(): BootInfo {
    const at = (moment: Moment) => {
      const time = this.#at.get(moment)
      return time === undefined ? undefined : new Date(time)
    }
    const [submitted, running, connected, serving] = MOMENTS.map(at)
    return { wanted: new Date(this.#wanted), submitted, running, connected, serving }
  }

  #forget(from: Moment): void {
    for (const moment of MOMENTS.slice(MOMENTS.indexOf(from))) this.#at.delete(moment)
  }
}
