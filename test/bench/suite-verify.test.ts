/** What is asked of a subject before it is measured: whoever answers wrong is told how. */
import { expect, test } from "vitest"
import type { Client } from "../../bench/suite/client.ts"
import { verify } from "../../bench/suite/verify.ts"
import { cpu } from "../../bench/suite/works/cpu.ts"

const client = (own: Partial<Client>): Client => ({
  add: async (a, b) => a + b,
  echo: async bytes => bytes.slice(),
  sink: async bytes => bytes.byteLength,
  source: async length => new Uint8Array(length),
  close: async () => undefined,
  ...own,
})

test("who answers right may be measured, with all methods or with `add` alone", async () => {
  await verify(client({}))
  await verify({ add: async (a, b) => a + b, close: async () => undefined })
})

test.each<[string, Partial<Client>, RegExp]>([
  ["bytes of the right number", { echo: async bytes => new Uint8Array(bytes.length).fill(99) }, /1 bytes differs at 0/],
  ["the last byte", { echo: async b => b.map((x, i) => (i === 65_535 ? x ^ 1 : x)) }, /differs at 65535: \d+ for/],
  ["fewer bytes", { echo: async bytes => bytes.subarray(1) }, /an echo of 1 bytes has 0/],
  ["a number for bytes", { echo: async () => 7 as never }, /no Uint8Array/],
  ["a sum", { add: async (a, b) => a - b }, /19 \+ 23 came back as -4/],
  ["what arrived", { sink: async () => 1 }, /of 0 bytes 1 arrived/],
  ["what was asked for", { source: async () => new Uint8Array(1) }, /of 0 bytes 1 have come/],
])("wrong: %s", async (_, own, words) => {
  await expect(verify(client(own))).rejects.toThrow(words)
})

test("one is not asked for more than it is made for", async () => {
  const asked: number[] = []
  const echo = async (bytes: Uint8Array) => {
    asked.push(bytes.length)
    return bytes
  }
  await verify(client({ echo }), 1_000)
  expect(Math.max(...asked)).toBe(1)
})

test("a wrong sum fails the slice of which CPU is counted", async () => {
  await expect(cpu(client({ add: async (a, b) => a + b + 1 }), { rate: 1_000, ms: 20 })).rejects.toThrow("came back as")
})
