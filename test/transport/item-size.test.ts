/** The estimate that keeps large items from piling up: right within a factor where it matters, and harmless to what it looks at. */
import { expect, test } from "vitest"
import { itemSize } from "../../src/transport/item-size.ts"

const MIB = 2 ** 20
const row = { id: 1, name: "a row", values: [1, 2, 3, 4] }

test.each<[string, unknown, number]>([
  ["a Float64Array", new Float64Array(MIB / 8), MIB],
  ["a view of a larger buffer", new Uint8Array(new ArrayBuffer(4 * MIB), 0, MIB), MIB],
  ["an ArrayBuffer", new ArrayBuffer(MIB), MIB],
  ["a Buffer", Buffer.alloc(MIB), MIB],
  ["a string", "x".repeat(MIB), MIB],
  ["bytes inside of objects", { epoch: 1, model: { layers: [{ w: new Float32Array(MIB / 4) }] } }, MIB],
  ["bytes inside of a Map", new Map([["w", new Uint8Array(MIB)]]), MIB],
  ["bytes inside of a Set", new Set([new Uint8Array(MIB)]), MIB],
  ["a list of numbers", Array.from({ length: MIB / 8 }, (_, i) => i), MIB],
  ["a list of rows", Array.from({ length: 10_000 }, () => row), 10_000 * 80],
])("%s", (_name, value, bytes) => {
  expect(itemSize(value)).toBeGreaterThanOrEqual(bytes)
  expect(itemSize(value)).toBeLessThanOrEqual(bytes * 2.5)
})

test.each([[1], [null], [undefined], [true], [10n], [new Date()], [{}], [[]]])("%o is small", value => {
  expect(itemSize(value)).toBeGreaterThan(0)
  expect(itemSize(value)).toBeLessThan(100)
})

test("runs no getter and no trap, and does not follow a value for ever", () => {
  const touched: string[] = []
  const trap = (name: string) => () => {
    touched.push(name)
    throw new Error(name)
  }
  const proxied = new Proxy({}, { get: trap("get"), ownKeys: trap("ownKeys"), getPrototypeOf: trap("getPrototypeOf") })
  const cycle: Record<string, unknown> = {}
  Object.defineProperty(cycle, "getter", { enumerable: true, get: trap("getter") })
  cycle.proxied = proxied
  cycle.self = cycle
  expect(itemSize(cycle)).toBeGreaterThan(0)
  expect(itemSize(proxied)).toBeGreaterThan(0)
  const deep = Array.from({ length: 100_000 }).reduce<unknown>(inner => [inner], 0)
  expect(itemSize(deep)).toBeGreaterThan(0)
  expect(touched).toEqual([])
})
