/** Choices that a seed determines, and what is done to bytes with them. Knows nothing of what is fuzzed. */

/** Numbers in [0, 1) that a seed determines (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Dice {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = random(seed)
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.#next() * n)
  }

  chance(p: number): boolean {
    return this.#next() < p
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  bytes(n: number): Buffer {
    const out = Buffer.allocUnsafe(n)
    for (let i = 0; i < n; i++) out[i] = this.below(256)
    return out
  }

  /** Cut short, bits turned, bytes put in, taken out, doubled, moved, or set to what lengths are feared for. */
  mutate(bytes: Buffer): Buffer {
    let out = Buffer.from(bytes)
    for (let i = 1 + this.below(4); i > 0; i--) {
      const at = this.below(out.length + 1)
      const to = Math.min(out.length, at + this.below(40))
      switch (this.below(7)) {
        case 0:
          out = out.subarray(0, at)
          break
        case 1:
          if (at < out.length) out[at]! ^= 1 << this.below(8)
          break
        case 2:
          out = Buffer.concat([out.subarray(0, at), this.bytes(this.below(20)), out.subarray(at)])
          break
        case 3:
          out = Buffer.concat([out.subarray(0, at), out.subarray(to)])
          break
        case 4:
          out = Buffer.concat([out.subarray(0, to), out.subarray(at, to), out.subarray(to)])
          break
        case 5:
          if (at + 4 <= out.length) out.writeUInt32LE(this.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff]), at)
          break
        default:
          if (at < out.length) out[at] = this.pick([0, 1, 0x7f, 0x80, 0xff])
      }
    }
    return out
  }

  /** The same for text, with words that may mean something put in. */
  mutateText(text: string, words: readonly string[]): string {
    let out = text
    for (let i = 1 + this.below(4); i > 0; i--) {
      const at = this.below(out.length + 1)
      const cut = this.chance(0.5) ? 0 : this.below(12)
      const put = this.chance(0.6) ? this.pick(words) : String.fromCharCode(this.below(0x180))
      out = out.slice(0, at) + (this.chance(0.8) ? put : "") + out.slice(at + cut)
    }
    return out
  }
}
