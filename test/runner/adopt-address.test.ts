import type { NetworkInterfaceInfo } from "node:os"
import { describe, expect, it } from "vitest"
import { adoptAddress } from "../../src/runner/supervisor/adopt-address.ts"

const info = (address: string, length: number) =>
  ({ address, cidr: `${address}/${length}`, family: address.includes(":") ? "IPv6" : "IPv4" }) as NetworkInterfaceInfo
const OWN = [info("127.0.0.1", 8), info("10.202.0.12", 24), info("10.201.0.12", 16), info("fd00::12", 64)]

describe("adoptAddress", () => {
  it.each([
    ["its own", "10.201.0.12", "10.201.0.12"],
    ["another node's on the same network", "10.201.0.11", "10.201.0.12"],
    ["one with blanks around it", " 10.202.0.1\n", "10.202.0.12"],
    ["another node's, in IPv6", "fd00::11", "fd00::12"],
    ["one on a network it is not on", "192.168.0.4", undefined],
    ["nothing", "", ""],
    ["what is no address", "10.201.0.11 10.202.0.11", "10.201.0.11 10.202.0.11"],
  ])("reads %s", (_, value, expected) => {
    const env: NodeJS.ProcessEnv = { HOST: value }
    adoptAddress(env, "HOST", OWN)
    expect(env.HOST).toBe(expected)
  })

  it("leaves what is not set", () => {
    const env: NodeJS.ProcessEnv = {}
    adoptAddress(env, "HOST", OWN)
    expect(env).toEqual({})
  })
})
