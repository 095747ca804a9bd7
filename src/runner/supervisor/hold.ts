/**
 * Has a worker hold its main thread: wait in one system call, on its own account, until it is let go. That is for when it is stopped and
 * somebody else wakes it. Owns the pipe over which the worker says that it holds and is let go, and how many times each was said; neither
 * stops nor wakes a process.
 */
import type { Duplex } from "node:stream"

/** Errors of a pipe whose other end is gone. */
const BROKEN = new Set(["EPIPE", "ECONNRESET"])

export class Hold {
  readonly #pipe: Duplex | undefined
  /** How often it was asked for, how often the worker said that it holds, how often it was let go. Each time is let go once. */
  #asked = 0
  #held = 0
  #released = 0
  #patience: NodeJS.Timeout | undefined
  #settle: (() => void) | undefined

  /** @param pipe To the worker; undefined: there is none, and it cannot hold. */
  constructor(pipe: Duplex | undefined) {
    this.#pipe = pipe
    pipe?.on("data", (said: Buffer) => {
      this.#held += said.length
      if (this.#held === this.#asked) this.#settle?.() // else it is the answer to an earlier time
    })
    pipe?.on("error", (error: NodeJS.ErrnoException) => {
      if (BROKEN.has(error.code ?? "")) return // it has ended, or is about to
      process.stderr.write(`slurm-flame: the pipe by which the worker is held: ${error.message}\n`)
    })
  }

  /**
   * Asks for it.
   * @param withinMs How long the answer is waited for; 0 or less: not at all.
   * @param ask Tells the worker to hold.
   * @param settled Called once, unless it is let go before: the worker holds, or has not said so in time. Who blocks its event loop
   * does not, and holds when it hears of it.
   */
  ask(withinMs: number, ask: () => void, settled: () => void): void {
    if (!this.#pipe?.writable) return settled()
    this.#asked += 1
    ask()
    if (withinMs <= 0) return settled()
    this.#settle = () => {
      this.stop()
      settled()
    }
    this.#patience = setTimeout(this.#settle, withinMs)
  }

  /** Lets it go, also when it has not heard yet that it is to hold: then it does not begin to. */
  release(): void {
    this.stop()
    for (; this.#released < this.#asked; this.#released++) this.#pipe?.write(".")
  }

  /** Nothing is waited for any more. */
  stop(): void {
    clearTimeout(this.#patience)
    this.#settle = undefined
  }
}
