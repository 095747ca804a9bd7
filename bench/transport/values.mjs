/** The values that are sent. Owns their shape, so that every peer carries the same. */

/** One small request as it looks on the wire; the raw peers send this text, and their server answers with the same. */
export const SMALL = JSON.stringify({ id: 1, type: "APPLY", path: ["add"], argumentList: [{ type: "RAW", value: 1 }] })

/** `mib` MiB of numbers, every page of them touched: memory that the kernel has yet to hand out is not "there before the call". */
export function floats(mib) {
  return new Float64Array((mib * 2 ** 20) / 8).fill(Math.PI)
}

/** 10,000 objects that JSON carries. */
export function plainRows() {
  return Array.from({ length: 10_000 }, (_, i) => ({
    id: i,
    name: `row ${i}`,
    value: i * 1.37,
    ok: i % 2 === 0,
    tags: ["a", "b"],
  }))
}

/** 10,000 objects that it does not: a Date, a BigInt and a Map in each. */
export function richRows() {
  return Array.from({ length: 10_000 }, (_, i) => ({
    id: i,
    at: new Date(1.7e12 + i),
    big: BigInt(i) * 12_345_678_901n,
    counts: new Map([
      ["a", i],
      ["b", i + 1],
    ]),
  }))
}
