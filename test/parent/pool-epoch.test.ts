/** Who holds the directory of a pool that persists: one of all who want it, and nobody who lives is pushed aside. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { PoolEpoch, type Probe } from "../../src/parent/pool-epoch.ts"
import type { Endpoint } from "../../src/shared/address.ts"
import { markOf, type ProcessMark } from "../../src/shared/process-mark.ts"

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "epoch-test-"))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const never: Probe = () => expect.fail("nobody is to be dialled")
const take = (address?: Endpoint | Endpoint[], probe: Probe = never) =>
  PoolEpoch.take(dir, "sweep", () => (address ? [address].flat() : []), probe)

/** Leaves the mark of somebody else as that of the holder. */
function held(by: Partial<ProcessMark>, epoch = 7): void {
  writeFileSync(join(dir, `epoch-${epoch}`), JSON.stringify({ ...markOf(process.pid), ...by, since: 0 }))
}

const ADDRESS = { host: "10.0.0.1", port: 1234 }
const elsewhere = { host: "login2", boot: "another", pid: 4242 }

describe("an epoch", () => {
  it("is the first one in a new directory, and leaves nothing in the end", () => {
    const epoch = take()
    expect(epoch.number).toBe(1)
    expect(readdirSync(dir)).toEqual(["epoch-1"])
    epoch.remove()
    expect(readdirSync(dir)).toEqual([])
  })

  it("grows with each holder, also when the one before gave it back", () => {
    held({ started: "1" }) // a process of another start
    const second = take()
    expect(second.number).toBe(8)
    expect(readdirSync(dir)).toEqual(["epoch-8"])
    second.release()
    expect(take().number).toBe(9)
  })

  it("is greater than that of the last who listened, also where somebody has deleted the file; and who held it knows", () => {
    const first = take()
    expect(first.held).toBe(true)
    rmSync(join(dir, "epoch-1"))
    expect(first.held).toBe(false)
    expect(PoolEpoch.take(dir, "sweep", () => [], never, 1).number).toBe(2)
    expect(first.held).toBe(false)
  })

  it("is not taken from who lives; he is named", () => {
    held({})
    expect(() => take()).toThrowError(
      expect.objectContaining({
        code: "ERR_FLAME_STATE",
        message: expect.stringMatching(
          new RegExp(`"sweep" is held by another program that runs: pid ${process.pid} on `),
        ),
        hint: expect.stringContaining(join(dir, "epoch-7")),
      }),
    )
    expect(readdirSync(dir)).toEqual(["epoch-7"])
  })

  it.each([
    ["somebody listens", "open", /that runs: pid 4242 on login2/],
    ["nothing can be said", "unknown", /pid 4242 on login2, .* cannot be told from here/],
  ] as const)("is not taken from a holder on another host where %s", (_, answer, message) => {
    held(elsewhere)
    expect(() => take(ADDRESS, () => answer)).toThrowError(message)
  })

  it("is not taken from a holder on another host who has not said where he listens", () => {
    held(elsewhere)
    expect(() => take()).toThrowError(/cannot be told from here/)
  })

  it("is taken from a holder on another host where nobody listens any more", () => {
    held(elsewhere)
    const asked: unknown[] = []
    const probe: Probe = address => {
      asked.push(address)
      return "refused"
    }
    expect(take(ADDRESS, probe).number).toBe(8)
    expect(asked).toEqual([ADDRESS])
  })

  it("is taken from a holder of several addresses when all refuse, and not when one is open or says nothing", () => {
    held(elsewhere)
    const other = { host: "10.1.0.1", port: 1234 }
    const seen = (one: ReturnType<Probe>, two: ReturnType<Probe>) => () =>
      take([ADDRESS, other], ({ host }) => (host === ADDRESS.host ? one : two))
    expect(seen("refused", "open")).toThrowError(/held by another program that runs/)
    expect(seen("unknown", "open")).toThrowError(/held by another program that runs/)
    expect(seen("refused", "unknown")).toThrowError(/cannot be told from here/)
    expect(seen("unknown", "refused")).toThrowError(/cannot be told from here/)
    expect(seen("refused", "refused")().number).toBe(8)
  })

  it("is asked for with a real connection", () => {
    held(elsewhere)
    // Port 1 of this machine: nobody listens there.
    expect(PoolEpoch.take(dir, "sweep", () => [{ host: "127.0.0.1", port: 1 }]).number).toBe(8)
  })

  it("is not taken where the file says nothing", () => {
    writeFileSync(join(dir, "epoch-3"), "")
    expect(() => take()).toThrowError(/epoch-3 does not say who holds the pool/)
  })
})
