/**
 * One timer for all who do something small again and again at the same interval: a thousand intervals would wake the process a
 * thousand times. Owns the timers of this process, one for each length of interval; knows nothing of what is done.
 */

/** The parts of an interval: nobody waits while all members have their turn at once, and those of one part share a waking. */
const MOST_SLOTS = 16
/** Shorter parts would wake the process for nothing. */
const SLOT_MS = 100

class Wheel {
  readonly #slots: Set<() => void>[]
  readonly #timer: NodeJS.Timeout
  /** The slot whose turn was last. */
  #at = 0
  #members = 0

  constructor(intervalMs: number) {
    const slots = Math.min(MOST_SLOTS, Math.max(1, Math.floor(intervalMs / SLOT_MS)))
    this.#slots = Array.from({ length: slots }, () => new Set())
    this.#timer = setInterval(() => this.#turn(), intervalMs / slots)
    this.#timer.unref()
  }

  get empty(): boolean {
    return this.#members === 0
  }

  /** Into the emptiest slot; among equals into the one whose turn is farthest away. */
  add(action: () => void): Set<() => void> {
    let best = this.#slots[this.#at]!
    for (let i = 1; i < this.#slots.length && best.size > 0; i++) {
      const slot = this.#slots[(this.#at + this.#slots.length - i) % this.#slots.length]!
      if (slot.size < best.size) best = slot
    }
    best.add(action)
    this.#members += 1
    return best
  }

  remove(action: () => void, slot: Set<() => void>): void {
    if (slot.delete(action)) this.#members -= 1
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    this.#at = (this.#at + 1) % this.#slots.length
    const slot = this.#slots[this.#at]!
    for (const action of [...slot]) if (slot.has(action)) action() // one may stop another
  }
}

const wheels = new Map<number, Wheel>()

/**
 * Calls `action` once in every `intervalMs`, the first time after one interval at the latest. A process that was blocked calls it
 * once, however late, and not again for what it missed. Does not keep the process alive. An action that throws ends the process, like
 * one of setInterval's.
 * @returns what stops it
 */
export function eachBeat(intervalMs: number, action: () => void): () => void {
  let wheel = wheels.get(intervalMs)
  if (!wheel) {
    wheel = new Wheel(intervalMs)
    wheels.set(intervalMs, wheel)
  }
  const own = () => action() // the same function may be given twice
  const slot = wheel.add(own)
  return () => {
    wheel.remove(own, slot)
    if (!wheel.empty || wheels.get(intervalMs) !== wheel) return
    wheels.delete(intervalMs)
    wheel.end()
  }
}
