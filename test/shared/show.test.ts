import { expect, it } from "vitest"
import { show } from "../../src/shared/show.ts"

it.each([
  ["a b", '"a b"'],
  [Number.POSITIVE_INFINITY, "Infinity"],
  [10n, "10n"],
  [undefined, "undefined"],
  [null, "null"],
  [{ a: { b: 1 } }, "{ a: [Object] }"],
])("shows %o", (value, text) => {
  expect(show(value)).toBe(text)
})

it("shows what JSON cannot, and keeps it short", () => {
  const circle: unknown[] = []
  circle.push(circle)
  expect(show(circle)).toContain("Circular")
  expect(show("x".repeat(1_000))).toHaveLength(80)
})
