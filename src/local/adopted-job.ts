/**
 * A runner on this machine that another process started and left: found again by its pid and the moment of its start. Owns the looks at it, its
 * signals and what is left of its simulated walltime. It is no child of this process, so its end is seen and not told, without an exit code.
 */
import type { Job, JobStatus } from "../shared/backend.ts"
import { StateError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { markOf, type ProcessMark, whereabouts } from "../shared/process-mark.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import { send } from "./signals.ts"

type Ended = JobStatus & { state: "ended" }

interface Handle {
  readonly mark: ProcessMark
  readonly node: string
  readonly endsAt: number | null
  readonly drainBeforeMs?: number
}

/** How often it is looked whether it has ended: a look is one small file of the kernel's. */
const LOOK_MS = 100

/** What an `AdoptedJob` is made of. */
export function handleOf(pid: number, node: string, endsAt: number | undefined, drainBeforeMs?: number): Json {
  const drain = drainBeforeMs !== undefined && { drainBeforeMs }
  return { mark: { ...markOf(pid) }, node, endsAt: endsAt ?? null, ...drain }
}

export class AdoptedJob implements Job {
  readonly id: string
  readonly handle: Json
  readonly drainBeforeMs: number | undefined
  readonly #mark: ProcessMark
  readonly #node: string
  readonly #killWaitMs: number
  readonly #listeners = new Set<(status: JobStatus) => void>()
  readonly #ended: Promise<Ended>
  readonly #timers: LongTimer[] = []
  readonly #looks: NodeJS.Timeout
  #resolveEnded!: (status: Ended) => void
  #status: JobStatus
  #cancelled = false
  #expired = false

  /** @throws StateError when `handle` is not what `handleOf` gave */
  constructor(handle: Json, killWaitMs: number) {
    const { mark, node, endsAt, drainBeforeMs } = check(handle)
    this.drainBeforeMs = drainBeforeMs
    this.id = `local-${mark.pid}`
    this.handle = handle
    this.#mark = mark
    this.#node = node
    this.#killWaitMs = killWaitMs
    this.#status = { state: "running", node, ...(endsAt === null ? {} : { endsAt }) }
    this.#ended = new Promise(resolve => {
      this.#resolveEnded = resolve
    })
    this.#looks = setInterval(() => this.#look(), LOOK_MS).unref()
    if (endsAt !== null) {
      this.#later(endsAt - Date.now(), () => {
        this.#expired = true
        this.#end()
      })
    }
    this.#look()
  }

  get status(): JobStatus {
    return this.#status
  }

  onStatus(listener: (status: JobStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async ask(): Promise<JobStatus> {
    this.#look()
    return this.#status
  }

  /** It is looked at all the time. */
  attend(): void {}

  ended(): Promise<Ended> {
    this.#looks.ref() // somebody waits for it
    return this.#ended
  }

  async cancel(): Promise<void> {
    if (this.#status.state === "ended") return
    if (this.#cancelled) return
    this.#cancelled = true
    if (this.#status.state === "running") this.#become({ ...this.#status, ending: true })
    this.#end()
  }

  /** What it wrote went to the process that started it. */
  async stderrTail(): Promise<string> {
    return ""
  }

  /** SIGTERM to the main process alone, as from a batch system. */
  terminate(): void {
    if (this.#lives) send(this.#mark.pid, "SIGTERM")
  }

  get #lives(): boolean {
    return whereabouts(this.#mark) === "alive"
  }

  #end(): void {
    this.terminate()
    // Its group is its own, and named after it for as long as it lives.
    this.#later(this.#killWaitMs, () => {
      if (this.#lives) send(-this.#mark.pid, "SIGKILL")
    })
  }

  #later(ms: number, action: () => void): void {
    this.#timers.push(after(ms, action).unref())
  }

  #look(): void {
    if (this.#status.state === "ended" || this.#lives) return
    clearInterval(this.#looks)
    for (const timer of this.#timers) timer.stop()
    const outcome = this.#expired ? "walltime" : this.#cancelled ? "cancelled" : "unknown"
    const status: Ended = { state: "ended", outcome, evidence: { jobId: this.id, node: this.#node } }
    this.#become(status)
    this.#resolveEnded(status)
  }

  #become(status: JobStatus): void {
    this.#status = status
    for (const listener of [...this.#listeners]) listener(status)
  }
}

function check(handle: Json): Handle {
  const { mark, node, endsAt, drainBeforeMs } = (handle ?? {}) as Partial<Handle>
  const whole =
    typeof mark?.pid === "number" &&
    mark.pid > 1 &&
    [mark.host, mark.started, mark.boot, mark.namespace].every(text => typeof text === "string") &&
    typeof node === "string" &&
    (endsAt === null || typeof endsAt === "number")
  if (!whole) throw new StateError("what was kept of a runner is no process of this machine's")
  return { mark, node, endsAt, ...(typeof drainBeforeMs === "number" && { drainBeforeMs }) }
}
