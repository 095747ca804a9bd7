import { beforeEach, describe, expect, it, vi } from "vitest"
import { listenHost } from "../../src/parent/host.ts"
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

beforeEach(() => {
  os.networkInterfaces.mockReturnValue(interfaces(ALL))
})

describe("listenHost", () => {
  it("takes SLURM_FLAME_HOST before all", () => {
    expect(listenHost(backend({ interface: "eth0" }), { SLURM_FLAME_HOST })).toBe("10.2.0.5")
  })

  it("then the interface the user named", () => {
    expect(listenHost(backend({ interface: "ib1" }), {})).toBe("10.2.0.5")
  })

  it("then ib0", () => {
    expect(listenHost(backend(), {})).toBe("10.1.0.5")
  })

  it("then the host's own address, which is no container's", () => {
    const { ib0: _, ...rest } = ALL
    os.networkInterfaces.mockReturnValue(interfaces(rest))
    expect(listenHost(backend(), {})).toBe("192.0.2.5")
  })

  it("is loopback where all runners are on this machine, whatever is set", () => {
    expect(listenHost(backend({ network: "loopback" }), { SLURM_FLAME_HOST: "nonsense" })).toBe("127.0.0.1")
  })

  it("does not fall back when what was asked for is wrong", () => {
    expect(() => listenHost(backend(), { SLURM_FLAME_HOST: "" })).toThrow(/SLURM_FLAME_HOST is empty/)
    const named = () => listenHost(backend({ interface: "ib9" }), {})
    expect(named).toThrow(HostError)
    expect(named).toThrow(/interface "ib9" does not exist here, or has no address\n.*ib0 10\.1\.0\.5/)
  })

  it("says what there is when nothing will do", () => {
    os.networkInterfaces.mockReturnValue(interfaces({ lo: ["127.0.0.1"], eth0: ["fe80::1"] }))
    expect(() => listenHost(backend(), {})).toThrow(
      /no address that another host.*\n.*lo 127\.0\.0\.1.*SLURM_FLAME_HOST/,
    )
  })
})
