import { expect, test } from "vitest"
import { type Digits, HELD_OUT, loadDigits, PIXELS, splitDigits } from "../../examples/train/data.ts"
import { seeded, shuffle } from "../../examples/train/random.ts"

const digits = loadDigits()
const splits = splitDigits(digits)

test("the package holds 10,000 digits, each kind of them, with pixels from 0 to 1", () => {
  expect(digits.labels).toHaveLength(10_000)
  expect(digits.images).toHaveLength(10_000 * PIXELS)
  const counts = Array.from({ length: 10 }, (_, digit) => digits.labels.filter(label => label === digit).length)
  expect(Math.min(...counts)).toBeGreaterThan(800)
  expect(digits.images.every(pixel => pixel >= 0 && pixel <= 1)).toBe(true)
})

test("6,000 digits train, 2,000 validate, 2,000 test", () => {
  expect(splits.train.labels).toHaveLength(6_000)
  expect(splits.validation.labels).toHaveLength(2_000)
  expect(splits.test.labels).toHaveLength(2_000)
  for (const { images, labels } of Object.values(splits)) expect(images).toHaveLength(labels.length * PIXELS)
})

test("every digit is in one split, once, with its own label", () => {
  const all = Object.values(splits).flatMap(keys).sort()
  expect(all).toEqual(keys(digits).sort())
})

test("all kinds of digits are in every split", () => {
  for (const { labels } of Object.values(splits)) expect(new Set(labels).size).toBe(10)
})

test("the split is the same again, and another one for another seed", () => {
  const again = splitDigits(digits)
  for (const name of ["train", "validation", "test"] as const) expect(keys(again[name])).toEqual(keys(splits[name]))
  expect(splitDigits(digits, 2).test.labels).not.toEqual(splits.test.labels)
})

test("too few digits to hold any out are refused", () => {
  const count = HELD_OUT.validation + HELD_OUT.test
  const few = { images: new Float32Array(count * PIXELS), labels: new Uint8Array(count) }
  expect(() => splitDigits(few)).toThrow("4000 digits leave none to train with: 4000 are held out")
})

test("random numbers depend on the seed alone, cover 0 to 1 evenly, and work for seed 0", () => {
  for (const seed of [0, 1, 2 ** 31 - 1, -5]) {
    const numbers = Array.from({ length: 10_000 }, seeded(seed))
    expect(numbers.slice(0, 100)).toEqual(Array.from({ length: 100 }, seeded(seed)))
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...numbers)).toBeLessThan(1)
    const tenths = Array.from({ length: 10 }, (_, at) => numbers.filter(x => Math.floor(x * 10) === at).length)
    expect(Math.min(...tenths)).toBeGreaterThan(880)
    expect(Math.max(...tenths)).toBeLessThan(1_120)
  }
  expect(seeded(1)()).not.toBe(seeded(2)())
})

test("a shuffle loses nothing", () => {
  const shuffled = shuffle([..."abcdefgh"], seeded(4))
  expect(shuffled.join("")).not.toBe("abcdefgh")
  expect(shuffled.sort().join("")).toBe("abcdefgh")
})

/** What tells a digit from every other one: a hash of its pixels, and its label. */
function keys({ images, labels }: Digits): string[] {
  return Array.from(labels, (label, at) => {
    let hash = 0
    for (const pixel of images.subarray(at * PIXELS, (at + 1) * PIXELS)) {
      hash = (Math.imul(hash, 31) + Math.round(pixel * 1_000)) | 0
    }
    return `${label}:${hash}`
  })
}
