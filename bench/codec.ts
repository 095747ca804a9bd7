/**
 * Micro benchmark of the value codec: `encode` and `decode` against JSON, v8.serialize and superjson, in one process,
 * interleaved, medians. Bundle it first where node cannot run TypeScript: `esbuild --bundle --platform=node --format=esm`.
 */
import { deserialize, serialize } from "node:v8"
import { SuperJSON } from "superjson"
import { decode, encode } from "../src/transport/codec/index.ts"

const ROUNDS = 21

const superjson = new SuperJSON()
const plainRows = Array.from({ length: 10_000 }, (_, i) => ({
  id: i,
  name: `row ${i}`,
  value: i * 1.37,
  ok: i % 2 === 0,
  tags: ["a", "b"],
}))
const smallMessage = {
  id: "c1",
  type: "APPLY",
  path: ["add"],
  argumentList: [
    { type: "RAW", value: 1 },
    { type: "RAW", value: 2 },
  ],
}
/** What to carry, and what the ratio lines compare it with. */
const loads: Record<string, { value: unknown; repeat: number; against: "JSON" | "v8" }> = {
  "small message": { value: smallMessage, repeat: 3_000, against: "JSON" },
  "10k plain rows": { value: plainRows, repeat: 1, against: "JSON" },
  "10k rows, one Date": {
    value: [...plainRows.slice(1), { ...plainRows[0], at: new Date() }],
    repeat: 1,
    against: "JSON",
  },
  "10k rows, not ASCII": {
    value: plainRows.map(row => ({ ...row, name: `列 ${row.id} süß` })),
    repeat: 1,
    against: "JSON",
  },
  "10k rich rows": {
    value: Array.from({ length: 10_000 }, (_, i) => ({
      id: i,
      at: new Date(1.7e12 + i),
      big: BigInt(i) * 12_345_678_901n,
      counts: new Map([
        ["a", i],
        ["b", i + 1],
      ]),
    })),
    repeat: 1,
    against: "v8",
  },
  "Float64Array 1 MiB": { value: { data: new Float64Array(131_072).map((_, i) => i / 3) }, repeat: 3, against: "v8" },
}

/** Codec name to a function that prepares both directions; undefined where it cannot carry the value. */
const codecs: Record<string, (value: unknown) => [enc: () => unknown, dec: () => unknown]> = {
  ours: value => {
    const { json, rich, parts } = encode(value)
    const received = parts.map(p => p.bytes.slice().buffer as ArrayBuffer)
    return [() => encode(value), () => decode(json, rich, received)]
  },
  JSON: value => {
    const text = JSON.stringify(value)
    return [() => JSON.stringify(value), () => JSON.parse(text)]
  },
  v8: value => {
    const bytes = serialize(value)
    return [() => serialize(value), () => deserialize(bytes)]
  },
  superjson: value => {
    const text = superjson.stringify(value)
    return [() => superjson.stringify(value), () => superjson.parse(text)]
  },
}

for (const [load, { value, repeat, against }] of Object.entries(loads)) {
  const runs: { name: string; run: () => unknown; times: number[] }[] = []
  for (const [name, prepare] of Object.entries(codecs)) {
    try {
      const [enc, dec] = prepare(value)
      runs.push({ name: `${name} encode`, run: enc, times: [] }, { name: `${name} decode`, run: dec, times: [] })
    } catch (error) {
      console.log(`${load.padEnd(20)} ${name}: cannot (${(error as Error).message.split("\n")[0]})`)
    }
  }
  for (let round = -4; round < ROUNDS; round++) {
    for (const { run, times } of runs) {
      // What the one before left for the garbage collector is not this one's time.
      run()
      run()
      const start = performance.now()
      for (let i = 0; i < repeat; i++) run()
      if (round >= 0) times.push(((performance.now() - start) / repeat) * 1_000)
    }
  }
  const medians = new Map<string, number>()
  for (const { name, times } of runs) {
    times.sort((a, b) => a - b)
    medians.set(name, times[ROUNDS >> 1]!)
    console.log(`${load.padEnd(20)} ${name.padEnd(18)} ${times[ROUNDS >> 1]!.toFixed(2).padStart(12)} us`)
  }
  for (const other of new Set([against, "superjson"])) {
    const ratio = (...ways: string[]): string => {
      const sum = (codec: string) => ways.reduce((total, way) => total + medians.get(`${codec} ${way}`)!, 0)
      return (sum("ours") / sum(other)).toFixed(2)
    }
    const ratios = `encode ${ratio("encode")}x, decode ${ratio("decode")}x, both ${ratio("encode", "decode")}x`
    console.log(`${load.padEnd(20)} ours / ${other}: ${ratios}`)
  }
}
