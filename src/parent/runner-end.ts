/**
 * The end of a runner's job between the scheduler, who sets it, and the supervisor, who keeps it: what is heard of it is passed on, and
 * what the supervisor wants to know is asked. Owns that traffic, and the clock of the runner's node beside the parent's own.
 */
import type { JobStatus } from "../shared/backend.ts"
import type { NodeClocks } from "./node-clocks.ts"
import type { RunnerJob } from "./runner-job.ts"
import type { RunnerLink } from "./runner-link.ts"
import type { TimeLeft } from "./time-left.ts"

/** An end that comes sooner by more than this was moved, and not only said in other words. */
const SAME_MS = 2_000

export interface EndSettings {
  /** Where it is said that a node's clock is wrong; left out: nowhere. */
  readonly clocks?: NodeClocks | undefined
}

export class RunnerEnd {
  readonly #time: TimeLeft
  readonly #job: Pick<RunnerJob, "ask">
  readonly #link: Pick<RunnerLink, "deadline" | "answer">
  readonly #clocks: NodeClocks | undefined
  #skewMs: number | undefined

  constructor(
    time: TimeLeft,
    job: Pick<RunnerJob, "ask">,
    link: Pick<RunnerLink, "deadline" | "answer">,
    { clocks }: EndSettings,
  ) {
    this.#time = time
    this.#job = job
    this.#link = link
    this.#clocks = clocks
  }

  /** The clock of its node is so much ahead of this one's, ms; undefined: nobody has said. */
  get skewMs(): number | undefined {
    return this.#skewMs
  }

  /** The scheduler's word on a job that runs. */
  heard(status: JobStatus): void {
    if (status.state !== "running" || status.ending) return
    this.#time.set(status.endsAt, status.limitMs)
    this.tell()
  }

  /** Tells the supervisor how much is left now. Also whenever it is connected again: what was on its way meanwhile is older than it looks. */
  tell(): void {
    if (this.#time.endsAt !== undefined) this.#link.deadline(this.#time.leftMs)
  }

  /**
   * Asks the scheduler whether the end has moved, and tells.
   * @param signalled The supervisor waits for the answer, since it was signalled: whether the job runs on as before. No word of the
   * scheduler is no answer.
   */
  async ask(signalled: boolean): Promise<void> {
    const before = this.#time.endsAt
    const status = await this.#job.ask()
    if (!status || status.state === "unknown" || status.state === "pending") return
    const runs = status.state === "running" && !status.ending
    // A job that is to give way to another has its end moved towards now, and is signalled.
    const sooner = runs && before !== undefined && (status.endsAt ?? before) < before - SAME_MS
    if (signalled && (!runs || sooner)) this.#link.answer(false)
    this.heard(status)
    if (signalled && runs && !sooner) this.#link.answer(true)
  }

  /** What a process of the runner's said of its clock, beside this one's. */
  clock(node: string, skewMs: number): void {
    this.#skewMs = skewMs
    this.#clocks?.heard(node, skewMs)
  }
}
