/**
 * Where the worker's output goes: this process's own stdout or stderr, that is the job's log or the user's terminal. Owns the
 * pace: what the outlet does not take stays, beyond a bound, where it came from. Knows nothing of what is written.
 */
import type { Readable, Writable } from "node:stream"

/** A parent that computes reads its runners' output late: that is not to hold up their workers. */
const PATIENCE_BYTES = 16 * 1024 * 1024

export class Outlet {
  readonly #to: Writable
  readonly #sources = new Set<Readable>()
  #broken = false

  constructor(to: Writable) {
    this.#to = to
    to.on("drain", () => this.#goOn())
    // The reader is gone, or the terminal closed: that must end no runner, nor stop its worker.
    to.on("error", () => {
      this.#broken = true
      this.#goOn()
    })
  }

  /** Passes on what comes, until it ends. `seen` hears of it as well. */
  take(from: Readable, seen: (chunk: Buffer) => void): void {
    from.on("data", (chunk: Buffer) => {
      if (!this.#broken && !this.#to.write(chunk) && this.#to.writableLength > PATIENCE_BYTES) {
        from.pause()
        this.#sources.add(from)
      }
      seen(chunk)
    })
  }

  /** Resolves when all that was written is with the kernel, or nobody reads it; not later than after `ms`. */
  async flushed(ms: number): Promise<void> {
    if (this.#broken || this.#to.writableLength === 0) return
    await new Promise<void>(resolve => {
      const late = setTimeout(resolve, ms)
      const over = () => {
        clearTimeout(late)
        resolve()
      }
      this.#to.write("", over) // called in turn, after what was written before
    })
  }

  #goOn(): void {
    for (const from of this.#sources) from.resume()
    this.#sources.clear()
  }
}
