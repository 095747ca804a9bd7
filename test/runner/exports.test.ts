/** The names of a module's exports, whatever is exported. */
import { expect, test } from "vitest"
import { exportNames } from "../../src/runner/worker/exports.ts"

const f = () => 1
const trap = () => {
  throw new Error("trap")
}

test("functions, data and what is in namespaces have names; classes and ill-reputed ones have none", () => {
  class Model {}
  const module = { f, data: 1, ns: { f, deep: { f } }, Model, list: [f], constructor: f }
  expect(exportNames(module)).toEqual(["f", "data", "ns", "list", "ns.f", "ns.deep", "ns.deep.f"])
})

test("a huge table is one name, and does not hide the others'", () => {
  const table = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`k${i}`, i]))
  expect(exportNames({ table, ns: { f } })).toEqual(["table", "ns", "ns.f"])
})

test("a huge tree is cut, the module's own names are all there", () => {
  const tree = (depth: number): unknown =>
    depth === 0 ? 1 : Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, tree(depth - 1)]))
  const own = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, f]))
  const names = exportNames({ tree: tree(4), ...own })
  expect(names).toHaveLength(1 + 5_000 + 1_000)
  expect(names).toContain("f4999")
  expect(names).toContain("tree.k19") // outer ones first
})

test("an object that holds itself is followed only so far", () => {
  const a: Record<string, unknown> = { f }
  a.a = a
  expect(exportNames({ a })).toContain("a.a.a.f")
})

test("getters are not run, and a proxy that throws keeps its name", () => {
  const proxy = new Proxy({}, { ownKeys: trap })
  const secret = new Proxy({}, { getPrototypeOf: trap })
  const lazy = Object.defineProperty({ f }, "bad", { enumerable: true, get: trap })
  expect(exportNames({ proxy, secret, lazy })).toEqual(["proxy", "secret", "lazy", "lazy.f", "lazy.bad"])
})
