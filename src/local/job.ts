/** One child process as a job: its status, its simulated walltime, its end. Owns the process and its timers. */
import type { ChildProcess } from "node:child_process"
import type { Job, JobStatus } from "../shared/backend.ts"
import { after, type LongTimer } from "../shared/timer.ts"

const TAIL_BYTES = 4_096

export interface LocalJobSettings {
  node: string
  endsAt: number | undefined
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
  #cancelled = false
  #expired = false

  constructor(child: ChildProcess, settings: LocalJobSettings) {
    this.id = `local-${child.pid}`
    this.#child = child
    this.#settings = settings
    const { node, endsAt } = settings
    this.#status = { state: "running", node, ...(endsAt === undefined ? {} : { endsAt }) }
    // What the runner writes is the user's to see, and its last lines are evidence.
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      process.stderr.write(text)
      this.#tail = (this.#tail + text).slice(-TAIL_BYTES)
    })
    this.#ended = new Promise(resolve => {
      child.once("exit", (code, signal) => {
        this.#killGroup() // with a job ends all that it started, as under Slurm
        // The last bytes of stderr may still be in the pipe; what left the group may hold it open for as long as it likes.
        const settle = () => {
          clearTimeout(late)
          child.off("close", settle)
          resolve(this.#end(code, signal))
        }
        const late = setTimeout(settle, 200)
        child.once("close", settle)
      })
    })
    // Neither the process nor its pipe keeps a finished program alive; a pool with work does that itself.
    child.unref()
    ;(child.stderr as unknown as { unref?(): void } | null)?.unref?.()
    if (endsAt !== undefined) this.#simulateWalltime(endsAt)
  }

  get status(): JobStatus {
    return this.#status
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

  async cancel(): Promise<void> {
    if (this.#status.state === "ended" || this.#cancelled) return
    this.#cancelled = true
    this.terminate()
    this.#later(this.#settings.killWaitMs, () => this.#killGroup())
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
    const outcome = this.#expired ? "walltime" : this.#cancelled ? "cancelled" : code === 0 ? "completed" : "failed"
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
    this.#status = status
    for (const listener of this.#listeners) listener(status)
    return status
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error // it ended a moment ago: as good
  }
}
