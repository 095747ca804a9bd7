/** One child process as a job: its status, its simulated walltime, its end. Owns the process and its timers. */
import type { ChildProcess } from "node:child_process"
import type { Job, JobStatus } from "../shared/backend.ts"
import type { Json } from "../shared/json.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import { handleOf } from "./adopted-job.ts"
import { send } from "./signals.ts"

const TAIL_BYTES = 4_096
/** A cancel that is repeated sooner only means the same once more. */
const PATIENCE_MS = 2_000
/** How long those who outlive a main process that was shot have to clean up in its place. */
const CLEAN_UP_MS = 500
/** How often it is looked whether they are gone. */
const LOOK_MS = 20
/** For the last bytes of stderr. */
const DRAIN_MS = 200

export interface LocalJobSettings {
  node: string
  endsAt: number | undefined
  limitMs: number | undefined
  signalBeforeMs: number
  killWaitMs: number
}

type Ended = JobStatus & { state: "ended" }

export class LocalJob implements Job {
  readonly id: string
  readonly #child: ChildProcess
  readonly #settings: LocalJobSettings
  readonly #listeners = new Set<(status: JobStatus) => void>()
  readonly #ended: Promise<Ended>
  readonly #timers: LongTimer[] = []
  #status: JobStatus
  #tail = ""
  /** When it was cancelled first, on the monotonic clock. */
  #cancelledAt: number | undefined
  #expired = false

  constructor(child: ChildProcess, settings: LocalJobSettings) {
    this.id = `local-${child.pid}`
    this.#child = child
    this.#settings = settings
    const { node, endsAt, limitMs } = settings
    const end = endsAt !== undefined && { endsAt, ...(limitMs !== undefined && { limitMs }) }
    this.#status = { state: "running", node, ...end }
    // What the runner writes is the user's to see, and its last lines are evidence.
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      process.stderr.write(text)
      this.#tail = (this.#tail + text).slice(-TAIL_BYTES)
    })
    // The last bytes of stderr may still be in the pipe when the process is gone.
    const drained = new Promise<void>(resolve => child.once("close", () => resolve()))
    this.#ended = new Promise(resolve => {
      child.once("exit", (code, signal) => {
        const kill = async () => {
          this.#killGroup() // with a job ends all that it started, as under Slurm
          // What left the group may hold the pipe open for as long as it likes.
          let late: NodeJS.Timeout | undefined
          const enough = new Promise<void>(over => {
            late = setTimeout(over, DRAIN_MS)
          })
          await Promise.race([drained, enough])
          clearTimeout(late)
          resolve(this.#end(code, signal))
        }
        // One that exits has cleaned up. One that was shot has not, and its worker, which notices, does it instead.
        if (signal === null) void kill()
        else this.#whenGroupIsEmpty(() => void kill())
      })
    })
    // Neither the process nor its pipe keeps a finished program alive; a pool with work does that itself.
    child.unref()
    ;(child.stderr as unknown as { unref?(): void } | null)?.unref?.()
    if (endsAt !== undefined) this.#simulateWalltime(endsAt)
  }

  /** It is warned in time, not before it. */
  get drainBeforeMs(): number | undefined {
    return this.#settings.endsAt === undefined ? undefined : this.#settings.signalBeforeMs
  }

  get status(): JobStatus {
    return this.#status
  }

  /** For an `AdoptedJob`. */
  get handle(): Json {
    const { node, endsAt } = this.#settings
    return handleOf(this.#child.pid ?? 0, node, endsAt, this.drainBeforeMs)
  }

  onStatus(listener: (status: JobStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async ask(): Promise<JobStatus> {
    return this.#status
  }

  /** A child process needs no asking: its end is an event. */
  attend(): void {}

  ended(): Promise<Ended> {
    return this.#ended
  }

  /** Asks the main process to end; all are killed after `killWait`, or when this is called again two seconds later or more. */
  async cancel(): Promise<void> {
    if (this.#status.state === "ended") return
    if (this.#cancelledAt === undefined) {
      this.#cancelledAt = performance.now()
      if (this.#status.state === "running") this.#become({ ...this.#status, ending: true })
      this.terminate()
      this.#later(this.#settings.killWaitMs, () => this.#killGroup())
      return
    }
    // Somebody who waits this long sees that it did not help: a stopped process does not even hear SIGTERM.
    const patience = Math.min(PATIENCE_MS, this.#settings.killWaitMs)
    if (performance.now() - this.#cancelledAt >= patience) this.#killGroup()
  }

  async stderrTail(): Promise<string> {
    return this.#tail
  }

  /** SIGTERM to the main process alone, as from a batch system. */
  terminate(): void {
    const { pid, exitCode, signalCode } = this.#child
    if (pid !== undefined && exitCode === null && signalCode === null) send(pid, "SIGTERM")
  }

  /** The group outlives its first process as long as anybody is in it, and keeps its number from being used again. */
  #killGroup(): void {
    const { pid } = this.#child
    if (pid !== undefined && this.#status.state !== "ended") send(-pid, "SIGKILL")
  }

  /** Calls `then` when nobody is left in the group, or has had long enough to leave. */
  #whenGroupIsEmpty(then: () => void): void {
    const until = performance.now() + CLEAN_UP_MS
    const look = () => {
      const { pid } = this.#child
      if (pid === undefined || !send(-pid, 0) || performance.now() >= until) then()
      else setTimeout(look, LOOK_MS)
    }
    look()
  }

  #simulateWalltime(endsAt: number): void {
    const left = endsAt - Date.now()
    this.#later(left - this.#settings.signalBeforeMs, () => this.terminate())
    this.#later(left, () => {
      this.#expired = true
      this.terminate()
      this.#later(this.#settings.killWaitMs, () => this.#killGroup())
    })
  }

  #later(ms: number, action: () => void): void {
    this.#timers.push(after(ms, action).unref())
  }

  #end(code: number | null, signal: NodeJS.Signals | null): Ended {
    for (const timer of this.#timers) timer.stop()
    const outcome = this.#expired
      ? "walltime"
      : this.#cancelledAt !== undefined
        ? "cancelled"
        : code === 0
          ? "completed"
          : "failed"
    const status: Ended = {
      state: "ended",
      outcome,
      evidence: {
        jobId: this.id,
        node: this.#settings.node,
        ...(code === null ? {} : { exitCode: code }),
        ...(signal === null ? {} : { signal }),
        stderrTail: this.#tail,
      },
    }
    this.#become(status)
    return status
  }

  #become(status: JobStatus): void {
    this.#status = status
    for (const listener of [...this.#listeners]) listener(status)
  }
}
