import { beforeEach, describe, expect, it, vi } from "vitest"
import { listenHosts } from "../../src/parent/host.ts"
import type { Backend } from "../../src/shared/backend.ts"
import { HostError } from "../../src/shared/errors.ts"
import { interfaces } from "../shared/interfaces.ts"

const os = vi.hoisted(() => ({ networkInterfaces: vi.fn() }))
vi.mock("node:os", async original => ({ ...(await original<object>()), ...os }))

const ALL = {
  lo: ["127.0.0.1"],
  docker0: ["172.17.0.1"],
  eth0: ["192.0.2.5"],
  ib0: ["10.1.0.5"],
  ib1: ["10.2.0.5"],
}
const backend = (part: Partial<Backend> = {}) => ({ network: "fabric", ...part }) as Backend
const SLURM_FLAME_HOST = "10.2.0.5"
const addresses = (...args: Parameters<typeof listenHosts>) => listenHosts(...args).addresses

beforeEach(() => {
  os.networkInterfaces.mockReturnValue(interfaces(ALL))
})

describe("listenHosts", () => {
  it("takes SLURM_FLAME_HOST before all", () => {
    expect(addresses(backend({ interface: "eth0" }), { SLURM_FLAME_HOST })).toEqual(["10.2.0.5"])
  })

  it("then the interface the user named", () => {
    expect(addresses(backend({ interface: "ib1" }), {})).toEqual(["10.2.0.5"])
  })

  it("then ib0", () => {
    expect(addresses(backend(), {})).toEqual(["10.1.0.5"])
  })

  it("then the host's own address, which is no container's", () => {
    const { ib0: _, ...rest } = ALL
    os.networkInterfaces.mockReturnValue(interfaces(rest))
    expect(addresses(backend(), {})).toEqual(["192.0.2.5"])
  })

  it("is loopback where all runners are on this machine, whatever is set", () => {
    expect(addresses(backend({ network: "loopback" }), { SLURM_FLAME_HOST: "nonsense" })).toEqual(["127.0.0.1"])
  })

  it("does not fall back when what was asked for is wrong", () => {
    expect(() => listenHosts(backend(), { SLURM_FLAME_HOST: "" })).toThrow(/SLURM_FLAME_HOST is empty/)
    const named = () => listenHosts(backend({ interface: "ib9" }), {})
    expect(named).toThrow(HostError)
    expect(named).toThrow(/interface "ib9" does not exist here, or has no address\n.*ib0 10\.1\.0\.5/)
  })

  it("takes several, in the order in which they are to be tried", () => {
    expect(addresses(backend(), { SLURM_FLAME_HOST: "10.1.0.5,192.0.2.5" })).toEqual(["10.1.0.5", "192.0.2.5"])
    expect(addresses(backend(), { SLURM_FLAME_HOST: "192.0.2.5\n10.1.0.5\n" })).toEqual(["192.0.2.5", "10.1.0.5"])
    expect(addresses(backend({ interface: ["ib1", "eth0", "ib1"] }), {})).toEqual(["10.2.0.5", "192.0.2.5"])
  })

  it("takes one address of an interface, of IPv4 where it has one", () => {
    os.networkInterfaces.mockReturnValue(
      interfaces({ ib0: ["fd00::5", "10.1.0.5", "10.1.0.6"], ib1: ["fe80::1", "fd00::6"] }),
    )
    expect(addresses(backend(), {})).toEqual(["10.1.0.5"])
    expect(addresses(backend({ interface: ["ib0", "ib1"] }), {})).toEqual(["10.1.0.5", "fd00::6"])
  })

  it("leaves out what is not there, and says so, as long as something is", () => {
    const { addresses, missing } = listenHosts(backend({ interface: ["ib9", "eth0"] }), {})
    expect(addresses).toEqual(["192.0.2.5"])
    expect(missing).toMatchObject([{ code: "ERR_FLAME_HOST", message: expect.stringMatching(/"ib9" does not exist/) }])
    expect(() => listenHosts(backend({ interface: ["ib9", "ib8"] }), {})).toThrow(/interface "ib9" does not exist here/)
  })

  it("says what there is when nothing will do", () => {
    os.networkInterfaces.mockReturnValue(interfaces({ lo: ["127.0.0.1"], eth0: ["fe80::1"] }))
    expect(() => listenHosts(backend(), {})).toThrow(
      /no address that another host.*\n.*lo 127\.0\.0\.1.*SLURM_FLAME_HOST/,
    )
  })
})
