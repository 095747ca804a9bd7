/** A crew of our runners. Owns the pools and the leases: whoever rests is leased and left alone, the others are the pool's to choose from. */
import { createPool, type Pool, proxy, type Remote, type Runner } from "slurm-flame"
import { backendOf } from "../backend.ts"
import type * as api from "../modules/crew.ts"
import type { Crew, CrewAbout, CrewSpec, Member } from "./crew.ts"

type Api = typeof api

/** Calls that one runner has at a time, at most: no work keeps more in flight for each. */
const MAX_CONCURRENCY = 64

export class Runners implements Crew {
  readonly about: CrewAbout
  readonly #pools: readonly Pool<Api>[]
  /** Of the members, in their order; of those that rest, while a team works. */
  readonly #leases: Runner<Api>[]

  private constructor(pools: readonly Pool<Api>[], { leases, missing }: Booted) {
    this.#pools = pools
    this.#leases = leases
    this.about = {
      size: leases.length,
      nodes: leases.map(({ info }) => info.node ?? "?"),
      ...(missing !== undefined && { missing }),
    }
  }

  /** @throws the error of the first boot when not one came up in time */
  static async open(spec: CrewSpec): Promise<Runners> {
    const pools: Pool<Api>[] = []
    try {
      const booted = await (spec.apart ? bootApart(spec, pools) : boot(poolOf(spec, pools), spec))
      return new Runners(pools, booted)
    } catch (error) {
      await closeAll(pools)
      throw error
    }
  }

  member(at: number): Member {
    const lease = this.#leases[at]
    if (lease === undefined) throw new Error(`no runner ${at} of ${this.#leases.length} is here`)
    return memberOf(lease.api)
  }

  /** @throws Error when one of the crew is lost, also of those that rest; there are no more teams then */
  async team<T>(count: number, body: (team: Member) => Promise<T>): Promise<T> {
    const [pool] = this.#pools
    if (pool === undefined || this.#pools.length > 1) throw new Error("runners that are apart are no team")
    const ready = pool.stats().runners.filter(({ state }) => state === "ready").length
    if (ready < this.about.size) throw new Error(`${ready} of ${this.about.size} runners are left`)
    await Promise.all(this.#leases.splice(0, count).map(lease => lease.release()))
    const result = await body(memberOf(pool.api))
    const back = await Promise.all(Array.from({ length: count }, () => pool.spawn({ timeout: "30s" })))
    // Always the same members in a team of a size: those of other nodes may be slower.
    this.#leases.unshift(...sorted(back))
    return result
  }

  back<F extends (...args: never[]) => unknown>(fn: F): unknown {
    return proxy(fn)
  }

  async close(): Promise<void> {
    await closeAll(this.#pools)
  }
}

interface Booted {
  readonly leases: Runner<Api>[]
  readonly missing: string | undefined
}

function memberOf(api: Remote<Api>): Member {
  const functions = api as unknown as Record<string, (...args: unknown[]) => Promise<never>>
  return { call: (name, ...args) => functions[name]!(...args) }
}

/** In the order of their boots. */
const sorted = (leases: readonly Runner<Api>[]): Runner<Api>[] =>
  [...leases].sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }))

/** Makes a pool and puts it to the others, which are closed together. */
function poolOf(spec: CrewSpec, pools: Pool<Api>[]): Pool<Api> {
  const pool = createPool<Api>({
    module: new URL("../modules/crew.js", import.meta.url),
    name: "bench-crew",
    backend: backendOf(spec),
    tls: spec.tls,
    max: spec.size,
    maxConcurrency: MAX_CONCURRENCY,
    idleShutdownAfter: "infinity",
    bootTimeout: "infinity",
    heartbeat: "1m", // those that rest send nothing while others are measured
    // What it says would be mixed with the suite's own output: what fails is thrown.
    logger: false,
  })
  pools.push(pool)
  return pool
}

async function closeAll(pools: readonly Pool<Api>[]): Promise<void> {
  await Promise.all(pools.map(pool => pool.close({ timeout: "2s" })))
}

/** Leases as many as come up within the time, and no more are waited for. @throws what kept the first from it, when none does */
async function boot(pool: Pool<Api>, spec: CrewSpec): Promise<Booted> {
  const starts = Array.from({ length: spec.size }, () => pool.spawn({ timeout: spec.bootMs }))
  const ends = await Promise.allSettled(starts)
  const leases = ends.flatMap(end => (end.status === "fulfilled" ? [end.value] : []))
  const failures = ends.flatMap(end => (end.status === "rejected" ? [end.reason as unknown] : []))
  if (leases.length === 0) throw failures[0]
  if (failures.length === 0) return { leases: sorted(leases), missing: undefined }
  // Of the others none comes late, in the middle of a measurement.
  pool.scale({ max: leases.length })
  const why = failures[0] instanceof Error ? failures[0].message : String(failures[0])
  return {
    leases: sorted(leases),
    missing: `${failures.length} of ${spec.size} runners did not start in time: ${why}`,
  }
}

/** One runner, and a second on any other node; on the same one where Slurm gives no other in time. */
async function bootApart(spec: CrewSpec, pools: Pool<Api>[]): Promise<Booted> {
  const one = { ...spec, size: 1 }
  const first = await poolOf(one, pools).spawn({ timeout: spec.bootMs })
  const { node } = first.info
  const { exclude } = spec.sbatch ?? {}
  const excluded = [exclude, node].filter(name => typeof name === "string").join(",")
  try {
    const elsewhere = poolOf({ ...one, sbatch: { ...spec.sbatch, exclude: excluded } }, pools)
    return { leases: [first, await elsewhere.spawn({ timeout: spec.bootMs / 2 })], missing: undefined }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const second = await poolOf(one, pools).spawn({ timeout: spec.bootMs })
    return { leases: [first, second], missing: `no second runner on another node than ${node}: ${why}` }
  }
}
