/** Numbers of objects: the same whether they are few or many, and right again after some were taken back. */
import { expect, test } from "vitest"
import { Identity } from "../../src/transport/codec/identity.ts"

test.each([0, 1, 5, 11, 12, 13, 14, 40])("%i objects are new once, then have their numbers", count => {
  const identity = new Identity()
  const objects = Array.from({ length: count }, () => ({}))
  for (const object of objects) expect(identity.meet(object)).toBeUndefined()
  expect([identity.size, identity.shared]).toEqual([count, false])
  expect(objects.map(object => identity.meet(object))).toEqual(objects.map((_, i) => i))
  const last = {}
  expect([identity.meet(last), identity.size, identity.meet(last)]).toEqual([undefined, count + 1, count])
  expect(identity.shared).toBe(true)
})

test.each([
  [3, 1],
  [13, 2],
  [20, 12],
  [20, 13],
])("of %i objects all but %i forgotten are new, whether or not one was met twice", (count, kept) => {
  for (const twice of [false, true]) {
    const identity = new Identity()
    const objects = Array.from({ length: count }, () => ({}))
    for (const object of objects) identity.meet(object)
    if (twice) identity.meet(objects[0]!)
    identity.forget(kept)
    expect(identity.size).toBe(kept)
    const numbers = objects.map((_, i) => (i < kept ? i : undefined))
    expect(objects.toReversed().map(object => identity.meet(object))).toEqual(numbers.toReversed())
    expect(identity.meet(objects[count - 1]!)).toBe(kept)
  }
})
