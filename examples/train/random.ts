/**
 * A seeded source of random numbers: the same seed gives the same numbers on every machine, so a training can be
 * repeated bit for bit. Owns nothing else; knows nothing of digits or networks. Not for secrets.
 */

/** Returns the next number, at least 0 and below 1. */
export type Random = () => number

/** A xorshift generator with 32 bits of state. Every whole number is a valid seed; equal seeds give equal sequences. */
export class Xorshift {
  #state: number

  /** @param state what `state` gave: the numbers go on from there. For a beginning there is `Xorshift.seeded`. */
  constructor(state: number) {
    this.#state = state
  }

  static seeded(seed: number): Xorshift {
    // Neighbouring seeds differ in a few low bits only: spread them over the whole state. Zero is xorshift's fixed point.
    const source = new Xorshift(Math.imul(seed ^ (seed >>> 16), 0x9e3779b1) || 0x2545f491)
    for (let warmUp = 0; warmUp < 16; warmUp++) source.next()
    return source
  }

  /** All that the next numbers depend on. */
  get state(): number {
    return this.#state
  }

  /** Bound: can be handed out as a `Random`. */
  readonly next: Random = () => {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) / 4_294_967_296
  }
}

/** The numbers of a fresh `Xorshift`, for who never has to write down how far they are. */
export function seeded(seed: number): Random {
  return Xorshift.seeded(seed).next
}

/** Puts `items` into random order, in place, and returns them. Every order is equally likely. */
export function shuffle<T extends { length: number; [index: number]: any }>(items: T, random: Random): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = items[i]
    items[i] = items[j]
    items[j] = held
  }
  return items
}
