import { expect, it } from "vitest"
import { Reaper } from "../../src/parent/reaper.ts"
import type { Backend } from "../../src/shared/backend.ts"

it("has one set of hooks, however many pools it looks after, and none without any", () => {
  const counts = () => ["exit", "beforeExit", "SIGTERM"].map(event => process.listenerCount(event))
  const before = counts()
  const reaper = new Reaper()
  const backend = {} as Backend
  const one = reaper.add(backend, () => [])
  const with1 = counts()
  const others = Array.from({ length: 20 }, () => reaper.add(backend, () => []))
  expect(counts()).toEqual(with1)
  for (const forget of others) forget()
  for (const forget of others) forget() // twice is harmless
  expect(counts()).toEqual(with1)
  one()
  expect(counts()).toEqual(before)
})
