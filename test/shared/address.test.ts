import { beforeEach, describe, expect, it, vi } from "vitest"
import { addressesOf, checkAddresses, describeInterfaces } from "../../src/shared/address.ts"
import { HostError } from "../../src/shared/errors.ts"
import { interfaces } from "./interfaces.ts"

const os = vi.hoisted(() => ({ networkInterfaces: vi.fn() }))
vi.mock("node:os", async original => ({ ...(await original<object>()), ...os }))

beforeEach(() => {
  os.networkInterfaces.mockReturnValue(
    interfaces({ lo: ["127.0.0.1"], ib0: ["fe80::1", "fd00::5", "10.1.0.5"], eth0: ["192.0.2.5"] }),
  )
})

describe("checkAddresses", () => {
  it.each([
    ["10.1.0.5", ["10.1.0.5"]],
    [" 10.1.0.5\n", ["10.1.0.5"]],
    ["127.0.0.1", ["127.0.0.1"]],
    ["127.1.2.3", ["127.1.2.3"]],
    ["fd00::5", ["fd00::5"]],
    ["FD00:0:0::0:5", ["fd00::5"]],
    ["10.1.0.5,192.0.2.5", ["10.1.0.5", "192.0.2.5"]],
    ["192.0.2.5\n10.1.0.5\n", ["192.0.2.5", "10.1.0.5"]],
    [" fd00::5 , 10.1.0.5,, fd00::5", ["fd00::5", "10.1.0.5"]],
  ])("accepts %j", (text, addresses) => {
    expect(checkAddresses(text, "SLURM_FLAME_HOST")).toEqual({ addresses, missing: [] })
  })

  it("leaves out what other machines have, and says so, as long as one of this machine is there", () => {
    const { addresses, missing } = checkAddresses("10.9.9.9,10.1.0.5,fd00::9", "SLURM_FLAME_HOST")
    expect(addresses).toEqual(["10.1.0.5"])
    expect(missing.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^SLURM_FLAME_HOST names 10\.9\.9\.9, fd00::9: not of this machine.*\n.*it has: lo 127/),
    ])
  })

  it.each([
    ["", /^SLURM_FLAME_HOST is empty\n.*`ip -f inet .*printed nothing on .*ib0 10\.1\.0\.5 fd00::5/],
    ["  \n", /is empty/],
    [",", /is empty/],
    [
      "10.1.0.5 scope global ib0",
      /holds 4 words, one of which is not an IP address: "scope"\n.*address of an interface/,
    ],
    [
      "10.1.0.5/24\n10.1.0.6/24",
      /holds 2 words, one of which is not .*"10\.1\.0\.5\/24"\n.*address alone: 10\.1\.0\.5 /,
    ],
    ["10.8.8.8,10.9.9.9", /names 10\.8\.8\.8, 10\.9\.9\.9: not of this machine/],
    ["[fd00::5]", /not an IP address.*\n.*address alone: fd00::5$/],
    ["fe80::1%ib0", /is fe80::1%ib0, a link-local address: only this machine knows.*\n.*take one of: .*fd00::5/],
    ["FEBF::1", /a link-local address/],
    ["node7", /not an IP address: "node7"\n.*address of an interface, not a name.*eth0 192\.0\.2\.5/],
    [
      "10.1.0.5/24",
      /not an IP address: "10\.1\.0\.5\/24"\n.*give the address alone: 10\.1\.0\.5 .*length of the network/,
    ],
    ["0.0.0.0", /listen on every network.*\n.*choose from: .*ib0/],
    ["::", /listen on every network/],
    ["10.9.9.9", /is 10\.9\.9\.9, which is not an address of this machine.*\n.*it has: lo 127/],
  ])("refuses %j and says what to do", (text, message) => {
    const check = () => checkAddresses(text, "SLURM_FLAME_HOST")
    expect(check).toThrow(HostError)
    expect(check).toThrow(message)
  })

  it("takes it that none is there, where that will do", () => {
    expect(checkAddresses("10.9.9.9", "SLURM_FLAME_HOST", 0)).toMatchObject({
      addresses: [],
      missing: [expect.any(HostError)],
    })
    expect(() => checkAddresses("", "SLURM_FLAME_HOST", 0)).toThrow(/is empty/)
    expect(() => checkAddresses("node7", "SLURM_FLAME_HOST", 0)).toThrow(/not an IP address/)
  })

  it("blames whom it is told to", () => {
    expect(() => checkAddresses("", "SLURM_FLAME_HOST in the job script")).toThrow(
      /^SLURM_FLAME_HOST in the job script/,
    )
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
