/**
 * Scenarios 37-40: what a backend and its runners are told, and by whom. The reference's settings of the whole application have no
 * equivalent beside the program's own environment: a pool's options are all there is.
 */
import { afterEach, describe, expect, it, vi } from "vitest"
import { createPool, local, OptionError, type PoolOptions, type Refusal, slurm } from "../../../src/index.ts"
import { listenHosts } from "../../../src/parent/host.ts"
import { PROTOCOL_VERSION } from "../../../src/transport/protocol.ts"
import { basicPool, once } from "../helpers.ts"
import { Greeter } from "./old-runner.ts"

afterEach(() => void vi.unstubAllEnvs())

const module = new URL("../../fixtures/modules/basic.ts", import.meta.url)

describe("#37 what is missing or wrong is named", () => {
  const rows: [string, () => unknown][] = [
    ["max", () => createPool({ module } as unknown as PoolOptions)],
    ["module", () => createPool({ max: 1 } as unknown as PoolOptions)],
    ["backend", () => createPool({ module, max: 1, backend: {} as never })],
    ["backend", () => createPool({ module, max: 1, backend: "slurm" as never })],
    ["walltime", () => createPool({ module, max: 1, backend: local({ walltime: "10s", signalBefore: "30s" }) })],
    ["killWait", () => local({ killWait: "infinity" as never })],
    ["wall", () => local({ wall: "1m" } as never)],
    ["slurmJob", () => slurm({ slurmJob: 5 as never })],
    ["partition", () => slurm({ partition: "gpu" } as never)],
    ["sbatch.partion", () => slurm({ sbatch: { partion: "gpu" } })],
    ["interface", () => slurm({ interface: "10.0.0.1" })],
    ["node", () => slurm({ node: "node" })],
  ]
  it.each(rows)("#37 %s", (option, make) => {
    let error: unknown
    try {
      make()
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(OptionError)
    expect(error).toMatchObject({ option })
    expect((error as Error).message).toContain(option.split(".").at(-1))
  })
})

describe("the environment of a runner", () => {
  it("#38 is the parent's, with the pool's `env` over it and what it sets to undefined gone; the runner's own keys are not for user code", async () => {
    vi.stubEnv("FLAME_TEST_KEPT", "parent")
    vi.stubEnv("FLAME_TEST_CHANGED", "parent")
    vi.stubEnv("FLAME_TEST_REMOVED", "parent")
    const pool = basicPool({
      env: { FLAME_TEST_CHANGED: "pool", FLAME_TEST_ADDED: "pool", FLAME_TEST_REMOVED: undefined },
    })
    const env = await pool.api.environment()
    expect(env).toMatchObject({ FLAME_TEST_KEPT: "parent", FLAME_TEST_CHANGED: "pool", FLAME_TEST_ADDED: "pool" })
    expect(env).not.toHaveProperty("FLAME_TEST_REMOVED")
    expect(await pool.api.where()).toMatchObject({ isRunner: true, id: expect.stringMatching(/^basic-/) })
    expect(Object.keys(env).filter(name => /^SLURM_FLAME_(BOOT|JOB)/.test(name))).toEqual([])
  })

  // The reference reads settings of the application where a pool has none. Here those are defaults, and one variable.
  it("#39 without options: runners of this machine on loopback; with slurm() the program's SLURM_FLAME_HOST, before the pool's interface", async () => {
    const pool = basicPool()
    const up = once(pool, "runner:up")
    await pool.api.add(1, 1)
    expect((await up).addresses.local).toBe("127.0.0.1")
    const env = { SLURM_FLAME_HOST: "127.0.0.1" }
    expect(listenHosts(slurm(), env).addresses).toEqual(["127.0.0.1"])
    expect(listenHosts(slurm({ interface: "no-such0" }), env).addresses).toEqual(["127.0.0.1"])
    expect(() => listenHosts(slurm({ interface: "no-such0" }), {})).toThrow(/"no-such0"/)
    expect(listenHosts(local(), env).addresses).toEqual(["127.0.0.1"])
  })
})

// The reference hands its versions to boot scripts and compares nothing. Here a runner of another version is refused, by both versions.
it("#40 a runner that speaks another version of the protocol is refused, and both versions are named", async () => {
  const old = new Greeter(PROTOCOL_VERSION - 1)
  const warnings: { why: unknown }[] = []
  const logger = {
    debug() {},
    info() {},
    warn: (what: object) => void warnings.push(what as { why: unknown }),
    error() {},
  }
  const refusals: Refusal[] = []
  const pool = basicPool({ backend: old.backend, logger, bootTimeout: "20s" })
  pool.on("refused", refusal => refusals.push(refusal))
  const call = pool.api.add(1, 1).catch((error: unknown) => error)
  expect(await old.closed).toMatchObject({
    code: 4001,
    reason: expect.stringContaining(`protocol ${PROTOCOL_VERSION - 1}`),
  })
  await vi.waitFor(() => {
    const why = [...warnings.map(({ why }) => String(why)), ...refusals.map(refusal => JSON.stringify(refusal))].join(
      "\n",
    )
    expect(why).toMatch(new RegExp(`protocol ${PROTOCOL_VERSION - 1}, this parent ${PROTOCOL_VERSION}`))
  })
  await pool.close({ timeout: 0 })
  expect(await call).toMatchObject({ code: expect.stringMatching(/^ERR_FLAME_/) })
})

// On the cluster: test/cluster/array.test.ts. Here it is what two pools of one program and one port must never mix up.
it("#52 two pools with different environments booting at once each get their own", async () => {
  const pools = ["a", "b"].map(name => basicPool({ name, max: 2, env: { FLAME_TEST_POOL: name } }))
  const seen = await Promise.all(
    pools.flatMap(pool => [1, 2].map(async () => ({ env: await pool.api.environment(), pool: pool.name }))),
  )
  expect(seen.map(({ env }) => env.FLAME_TEST_POOL)).toEqual(seen.map(({ pool }) => pool))
})
