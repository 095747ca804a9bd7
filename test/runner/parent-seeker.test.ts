/** Where a runner looks for its parent, and whom it does not follow. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { ParentSeeker } from "../../src/runner/parent-seeker.ts"

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "seeker-test-"))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const FIRST = [{ host: "10.0.0.1", port: 1 }]
const file = () => join(dir, "parent.json")
const seeker = () => new ParentSeeker({ file: file(), forMs: 1_000 }, FIRST)
const writes = (what: unknown) => writeFileSync(file(), typeof what === "string" ? what : JSON.stringify(what))

it("dials where the file says, and else where it was told when it was submitted", async () => {
  const one = seeker()
  expect(await one.addresses()).toEqual(FIRST)
  const next = [
    { host: "10.0.0.2", port: 2 },
    { host: "fd00::2", port: 3 },
  ]
  writes({ epoch: 2, addresses: next })
  expect(await one.addresses()).toEqual(next)
  writes({ epoch: 3, addresses: [] })
  expect(await one.addresses()).toEqual(FIRST)
  writes("{ half of it")
  expect(await one.addresses()).toEqual(FIRST)
})

it("knows that the pool is over when the file stays away, and that it is not when it is there again", async () => {
  const one = seeker()
  for (let i = 0; i < 2; i++) await one.addresses()
  expect(one.over).toBe(false)
  await one.addresses()
  expect(one.over).toBe(true)
  writes({ epoch: 1, addresses: FIRST })
  await one.addresses()
  expect(one.over).toBe(false)
})

it("follows later parents, and none of those before", async () => {
  const one = seeker()
  one.welcomed(3)
  one.welcomed(3)
  one.welcomed(5)
  expect(() => one.welcomed(4)).toThrow(/epoch 4 answered, and this runner is that of epoch 5/)
  expect(() => one.welcomed(undefined)).toThrow()
  expect(one.epoch).toBe(5)
  writes({ epoch: 5, addresses: FIRST })
  expect(await one.superseded()).toBe(false)
  writes({ epoch: 6, addresses: FIRST })
  expect(await one.superseded()).toBe(true)
})
