/**
 * A seeded source of random numbers: the same seed gives the same numbers on every machine, so a training can be
 * repeated bit for bit. Owns nothing else; knows nothing of digits or networks. Not for secrets.
 */

/** Returns the next number, at least 0 and below 1. */
export type Random = () => number

/** A xorshift generator with 32 bits of state. Every whole number is a valid seed; equal seeds give equal sequences. */
export function seeded(seed: number): Random {
  // Neighbouring seeds differ in a few low bits only: spread them over the whole state. Zero is xorshift's fixed point.
  let state = Math.imul(seed ^ (seed >>> 16), 0x9e3779b1) || 0x2545f491
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
  for (let warmUp = 0; warmUp < 16; warmUp++) next()
  return next
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
