/**
 * One worker process: forked, spoken to over IPC, watched and, if need be, killed. Owns the process, its pipes and the tail of what
 * it wrote to stderr; decides nothing.
 */
import { type ChildProcess, fork } from "node:child_process"
import type { Duplex } from "node:stream"
import type { LogStream } from "../../transport/protocol.ts"
import type { FromWorker, ToWorker } from "../ipc.ts"
import { Hold } from "./hold.ts"
import type { Outlet } from "./outlet.ts"
import { killTree, signalTree } from "./process-tree.ts"

export interface WorkerExit {
  code: number | null
  signal: NodeJS.Signals | null
  /** The last bytes it wrote to stderr. */
  stderr: string
}

const TAIL_BYTES = 4_096
/** What the worker wrote last is in the pipe already when it ends: this is only for reading it. */
const LAST_WORDS_MS = 200
/** By which the worker is held, as it numbers it. */
const HOLD_FD = 4
/** Errors of a pipe whose other end is gone. */
const BROKEN = new Set(["EPIPE", "ECONNRESET"])

/** Where what it writes goes. */
export interface WorkerOutput {
  readonly stdout: Outlet
  readonly stderr: Outlet
  /** All of it, as it comes. */
  seen(stream: LogStream, chunk: Buffer): void
}

export class WorkerProcess {
  readonly exited: Promise<WorkerExit>
  readonly #child: ChildProcess
  readonly #hold: Hold
  #still = false
  #tail = Buffer.alloc(0)
  #listener: ((message: FromWorker) => void) | undefined
  #early: FromWorker[] = []

  /** @param env The environment of user code: without the runner's key. */
  constructor(entry: URL, env: NodeJS.ProcessEnv, init: ToWorker & { t: "init" }, output: WorkerOutput) {
    this.#child = fork(entry, [], { env, execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc", "pipe"] })
    this.#hold = new Hold((this.#child.stdio?.[HOLD_FD] as Duplex | null | undefined) ?? undefined)
    const { stdout, stderr } = this.#child
    // There are none when the process could not be started: 'error' follows.
    if (stdout) output.stdout.take(stdout, chunk => output.seen("stdout", chunk))
    if (stderr) {
      output.stderr.take(stderr, chunk => {
        output.seen("stderr", chunk)
        this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES)
      })
    }
    this.#child.on("message", message => {
      if (this.#listener) this.#listener(message as FromWorker)
      else this.#early.push(message as FromWorker)
    })
    this.exited = new Promise(resolve => {
      let patience: NodeJS.Timeout | undefined
      const ended = (code: number | null, signal: NodeJS.Signals | null) => {
        clearTimeout(patience)
        this.#hold.stop()
        process.off("SIGCONT", this.#woken)
        resolve({ code, signal, stderr: `${this.#tail}` })
      }
      // 'close' comes after 'exit' and after the last byte of both pipes; but a process that the worker started may have
      // inherited them, and holds them open for as long as it likes: what it writes is passed on all the same.
      this.#child.once("exit", (code, signal) => {
        patience = setTimeout(() => ended(code, signal), LAST_WORDS_MS)
      })
      this.#child.once("close", ended)
      this.#child.once("error", error => resolve({ code: null, signal: null, stderr: `${this.#tail}${error.message}` }))
    })
    this.send(init)
  }

  /** It was told to stand still. */
  get isStill(): boolean {
    return this.#still
  }

  /**
   * Makes it, and all that it started, stand still or go on.
   * @param by When it must have been done, on `performance.now()`'s clock: the worker is stopped when it holds by itself, which takes a
   * turn of its event loop, and else when half of the time until then is over. Undefined: it is to go on.
   */
  still(by: number | undefined): void {
    const still = by !== undefined
    if (this.#still === still || !this.#lives) return
    this.#still = still
    if (still) {
      const patienceMs = (by - performance.now()) / 2
      return this.#hold.ask(patienceMs, () => this.send({ t: "hold", fd: HOLD_FD }), this.#stop)
    }
    process.off("SIGCONT", this.#woken)
    this.#hold.release()
    this.#signal("SIGCONT")
  }

  readonly #stop = (): void => {
    process.on("SIGCONT", this.#woken)
    this.#signal("SIGSTOP")
  }

  // Slurm sends SIGCONT to all processes of a job that it ends or resumes, this one among them, and so wakes what is to stand still. The main
  // thread of a worker that holds has nothing of it; its other threads, what it started, and one that blocked its loop, run until this.
  readonly #woken = (): void => this.#signal("SIGSTOP")

  #signal(signal: NodeJS.Signals): void {
    if (this.#lives && this.pid !== undefined) signalTree(this.pid, signal)
  }

  get #lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** `kill` was called before it had ended. */
  get shot(): boolean {
    return this.#child.killed
  }

  /** Sets the one listener; what the worker said before is handed to it now. */
  onMessage(listener: (message: FromWorker) => void): void {
    this.#listener = listener
    for (const message of this.#early.splice(0)) listener(message)
  }

  /** To a worker that has ended this does nothing: `exited` tells. */
  send(message: ToWorker): void {
    if (!this.#child.connected) return
    this.#child.send(message, error => {
      // The worker is ending, and `exited` says how. A broken pipe may be known before Node says that it is disconnected.
      if (!error || !this.#child.connected || BROKEN.has((error as NodeJS.ErrnoException).code ?? "")) return
      process.stderr.write(`slurm-flame: cannot reach the worker: ${error.message}\n`)
    })
  }

  /** SIGKILL, to it and all that it started: the only signal that code in a native loop cannot ignore. */
  kill(): void {
    if (this.pid !== undefined && this.#lives) killTree(this.pid)
    this.#child.kill("SIGKILL") // makes it `shot`
  }
}
