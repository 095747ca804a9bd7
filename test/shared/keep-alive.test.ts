import { expect, it } from "vitest"
import { KeepAlive } from "../../src/shared/keep-alive.ts"

/** Timers that keep this process alive. */
const held = () => process.getActiveResourcesInfo().filter(name => name === "Timeout").length

it("holds the process while there is work, and not a moment longer", () => {
  const before = held()
  const keepAlive = new KeepAlive()
  expect(held()).toBe(before)
  keepAlive.set(true)
  keepAlive.set(true)
  expect(held()).toBe(before + 1)
  keepAlive.set(false)
  expect(held()).toBe(before)
  keepAlive.set(true)
  expect(held()).toBe(before + 1)
  keepAlive.end()
  expect(held()).toBe(before)
})

it("is let go of without ever having been held", () => {
  const before = held()
  const keepAlive = new KeepAlive()
  keepAlive.set(false)
  keepAlive.end()
  expect(held()).toBe(before)
})

it("does not hold again what was let go of for good", () => {
  const before = held()
  const keepAlive = new KeepAlive()
  keepAlive.set(true)
  keepAlive.end()
  keepAlive.set(true) // a runner of a pool that was closed a moment ago says that it has a slot free
  expect(held()).toBe(before)
})
