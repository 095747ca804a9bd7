/**
 * One worker process: forked, spoken to over IPC, watched and, if need be, killed. Owns the process and the tail of what it
 * wrote to stderr; decides nothing.
 */
import { type ChildProcess, fork } from "node:child_process"
import type { FromWorker, ToWorker } from "../ipc.ts"

export interface WorkerExit {
  code: number | null
  signal: NodeJS.Signals | null
  /** The last bytes it wrote to stderr. */
  stderr: string
}

const TAIL_BYTES = 4_096
/** What the worker wrote last is in the pipe already when it ends: this is only for reading it. */
const LAST_WORDS_MS = 200

export class WorkerProcess {
  readonly exited: Promise<WorkerExit>
  readonly #child: ChildProcess
  #tail = ""
  #listener: ((message: FromWorker) => void) | undefined
  #early: FromWorker[] = []

  /** @param env The environment of user code: without the runner's key. */
  constructor(entry: URL, env: NodeJS.ProcessEnv, init: ToWorker & { t: "init" }) {
    this.#child = fork(entry, [], { env, execArgv: [], stdio: ["ignore", "inherit", "pipe", "ipc"] })
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      process.stderr.write(text)
      this.#tail = (this.#tail + text).slice(-TAIL_BYTES)
    })
    this.#child.on("message", message => {
      if (this.#listener) this.#listener(message as FromWorker)
      else this.#early.push(message as FromWorker)
    })
    this.exited = new Promise(resolve => {
      let patience: NodeJS.Timeout | undefined
      const ended = (code: number | null, signal: NodeJS.Signals | null) => {
        clearTimeout(patience)
        resolve({ code, signal, stderr: this.#tail })
      }
      // 'close' comes after 'exit' and after the last byte of stderr; but a process that the worker started may have
      // inherited the pipe, and holds it open for as long as it likes.
      this.#child.once("exit", (code, signal) => {
        patience = setTimeout(() => {
          this.#child.stderr?.destroy()
          ended(code, signal)
        }, LAST_WORDS_MS)
      })
      this.#child.once("close", ended)
      this.#child.once("error", error => resolve({ code: null, signal: null, stderr: `${this.#tail}${error.message}` }))
    })
    this.send(init)
  }

  get pid(): number | undefined {
    return this.#child.pid
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
      // EPIPE and friends: the worker is ending, and `exited` says how.
      if (error && this.#child.connected)
        process.stderr.write(`slurm-flame: cannot reach the worker: ${error.message}\n`)
    })
  }

  /** SIGKILL: the only signal that code in a native loop cannot ignore. */
  kill(): void {
    this.#child.kill("SIGKILL")
  }
}
