import { beforeEach, describe, expect, it, vi } from "vitest"
import { addressesOf, checkAddress, describeInterfaces } from "../../src/shared/address.ts"
import { HostError } from "../../src/shared/errors.ts"
import { interfaces } from "./interfaces.ts"

const os = vi.hoisted(() => ({ networkInterfaces: vi.fn() }))
vi.mock("node:os", async original => ({ ...(await original<object>()), ...os }))

beforeEach(() => {
  os.networkInterfaces.mockReturnValue(
    interfaces({ lo: ["127.0.0.1"], ib0: ["fe80::1", "fd00::5", "10.1.0.5"], eth0: ["192.0.2.5"] }),
  )
})

describe("checkAddress", () => {
  it.each([
    ["10.1.0.5", "10.1.0.5"],
    [" 10.1.0.5\n", "10.1.0.5"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.1.2.3", "127.1.2.3"],
    ["fd00::5", "fd00::5"],
  ])("accepts %j", (text, address) => {
    expect(checkAddress(text, "SLURM_FLAME_HOST")).toBe(address)
  })

  it.each([
    ["", /^SLURM_FLAME_HOST is empty\n.*`ip -f inet .*printed nothing on .*ib0 10\.1\.0\.5 fd00::5/],
    ["  \n", /is empty/],
    ["10.1.0.5\n10.1.0.6", /holds 2 words instead of one address: 10\.1\.0\.5 10\.1\.0\.6\n.*head -n1/],
    ["node7", /not an IP address: "node7"\n.*address of an interface, not a name.*eth0 192\.0\.2\.5/],
    ["10.1.0.5/24", /not an IP address: "10\.1\.0\.5\/24"\n.*leave out the length of the network: 10\.1\.0\.5 /],
    ["0.0.0.0", /listen on every network.*\n.*choose one of: .*ib0/],
    ["::", /listen on every network/],
    ["10.9.9.9", /is 10\.9\.9\.9, which is not an address of this machine.*\n.*it has: lo 127/],
  ])("refuses %j and says what to do", (text, message) => {
    const check = () => checkAddress(text, "SLURM_FLAME_HOST")
    expect(check).toThrow(HostError)
    expect(check).toThrow(message)
  })

  it("blames whom it is told to", () => {
    expect(() => checkAddress("", "SLURM_FLAME_HOST in the job script")).toThrow(/^SLURM_FLAME_HOST in the job script/)
  })
})

describe("interfaces", () => {
  it("gives IPv4 first and no link-local addresses", () => {
    expect(addressesOf("ib0")).toEqual(["10.1.0.5", "fd00::5"])
    expect(addressesOf("ib1")).toEqual([])
  })

  it("are listed for messages", () => {
    expect(describeInterfaces()).toBe("lo 127.0.0.1, ib0 10.1.0.5 fd00::5, eth0 192.0.2.5")
    os.networkInterfaces.mockReturnValue({})
    expect(describeInterfaces()).toBe("none")
  })
})
