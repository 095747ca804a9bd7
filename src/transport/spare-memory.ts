/**
 * Memory of large arrays that have been sent and belong to nobody any more, kept for a moment for those that come next. What
 * bulk data costs is not the copying but the first touch of fresh memory: page by page the kernel clears it, at a fifth of the
 * speed of a copy. Owns the spare buffers and how many there may be. One for the process, since memory is the process's: what
 * was sent to one runner serves for what comes from another.
 */

/** Below this, malloc has warm memory of its own. */
const LEAST = 256 * 1024
const MOST = 512 * 1024 * 1024
/** Unused for so long, it goes back to the system. */
const KEPT_MS = 1_000

export class SpareMemory {
  readonly #most: number
  readonly #keptMs: number
  /** The one that was given last is the warmest. */
  #buffers: ArrayBuffer[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(most = MOST, keptMs = KEPT_MS) {
    this.#most = most
    this.#keptMs = keptMs
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes
  }

  /** A buffer of exactly so many bytes, whose contents are arbitrary; undefined when there is none. */
  take(byteLength: number): ArrayBuffer | undefined {
    if (byteLength < LEAST) return undefined
    const at = this.#buffers.findLastIndex(b => b.byteLength === byteLength)
    if (at < 0) return undefined
    this.#bytes -= byteLength
    return this.#buffers.splice(at, 1)[0]
  }

  /** Keeps `buffer`, to which nobody else has a way. */
  give(buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    if (byteLength < LEAST || byteLength > this.#most || this.#buffers.includes(buffer)) return
    while (this.#bytes + byteLength > this.#most) this.#bytes -= this.#buffers.shift()!.byteLength
    this.#buffers.push(buffer)
    this.#bytes += byteLength
    if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(() => this.#forget(), this.#keptMs).unref()
  }

  #forget(): void {
    this.#timer = undefined
    this.#buffers = []
    this.#bytes = 0
  }
}

export const spareMemory = new SpareMemory()
