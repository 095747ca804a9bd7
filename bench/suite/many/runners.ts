/** A crew of our runners. Owns the pool and its leases: whoever rests is leased and left alone, the others are the pool's to choose from. */
import { createPool, type Pool, proxy, type Remote, type Runner } from "slurm-flame"
import { backendOf } from "../backend.ts"
import type * as api from "../modules/crew.ts"
import type { Crew, CrewAbout, CrewSpec, Member } from "./crew.ts"

type Api = typeof api

/** Calls that one runner has at a time, at most: what the works keep in flight for each. */
export const IN_FLIGHT = 64

export class Runners implements Crew {
  readonly about: CrewAbout
  readonly #pool: Pool<Api>
  /** Of the members, in their order. A team's are undefined while it works. */
  readonly #leases: (Runner<Api> | undefined)[]

  private constructor(pool: Pool<Api>, leases: Runner<Api>[], missing: string | undefined) {
    this.#pool = pool
    this.#leases = leases
    this.about = {
      size: leases.length,
      nodes: leases.map(({ info }) => info.node ?? "?"),
      ...(missing !== undefined && { missing }),
    }
  }

  /** @throws the error of the first boot when not one came up in time */
  static async open(spec: CrewSpec): Promise<Runners> {
    const pool = createPool<Api>({
      module: new URL("../modules/crew.js", import.meta.url),
      name: "bench-crew",
      backend: backendOf(spec),
      tls: spec.tls,
      max: spec.size,
      maxConcurrency: IN_FLIGHT,
      idleShutdownAfter: "infinity",
      bootTimeout: "infinity",
      // What it says would be mixed with the suite's own output: what fails is thrown.
      logger: false,
    })
    try {
      const { leases, missing } = await boot(pool, spec)
      return new Runners(pool, leases, missing)
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  member(at: number): Member {
    const lease = this.#leases[at]
    if (lease === undefined) throw new Error(`no runner ${at} of ${this.#leases.length} is here`)
    return memberOf(lease.api)
  }

  async team<T>(count: number, body: (team: Member) => Promise<T>): Promise<T> {
    const { runners } = this.#pool.stats()
    const ready = runners.filter(({ state }) => state === "ready").length
    if (ready < this.#leases.length) throw new Error(`${ready} of ${this.#leases.length} runners are left`)
    await Promise.all(this.#leases.splice(0, count).map(lease => lease?.release()))
    try {
      return await body(memberOf(this.#pool.api))
    } finally {
      const back = await Promise.all(Array.from({ length: count }, () => this.#pool.spawn({ timeout: "30s" })))
      // Always the same members in a team of a size: those of other nodes may be slower.
      this.#leases.unshift(...back.sort((a, b) => (a.id < b.id ? -1 : 1)))
    }
  }

  back<F extends (...args: never[]) => unknown>(fn: F): unknown {
    return proxy(fn)
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }
}

function memberOf(api: Remote<Api>): Member {
  const functions = api as unknown as Record<string, (...args: unknown[]) => Promise<never>>
  return { call: (name, ...args) => functions[name]!(...args) }
}

/** Leases as many as come up within the time, and no more are waited for. */
async function boot(pool: Pool<Api>, spec: CrewSpec): Promise<{ leases: Runner<Api>[]; missing: string | undefined }> {
  const until = performance.now() + spec.bootMs
  const leases: Runner<Api>[] = []
  const failures: unknown[] = []
  const start = async () => {
    try {
      leases.push(await pool.spawn({ timeout: Math.max(1, until - performance.now()) }))
    } catch (error) {
      failures.push(error)
    }
  }
  if (spec.apart) await untilApart(start, leases, failures, spec.size)
  else await Promise.all(Array.from({ length: spec.size }, start))
  if (leases.length === 0) throw failures[0]
  // Of the others none comes late, in the middle of a measurement.
  pool.scale({ max: leases.length })
  leases.sort((a, b) => (a.id < b.id ? -1 : 1))
  if (spec.apart) {
    const [first] = leases
    const other = leases.find(({ info }) => info.node !== first?.info.node)
    if (other !== undefined) leases.splice(1, 0, ...leases.splice(leases.indexOf(other), 1))
  }
  const [failure] = failures
  const missing =
    failure === undefined
      ? undefined
      : `${failures.length} of ${spec.size} runners did not start: ${failure instanceof Error ? failure.message : String(failure)}`
  return { leases, missing }
}

/** Two, and then more one by one, until two nodes are among them. */
async function untilApart(
  start: () => Promise<void>,
  leases: readonly Runner<Api>[],
  failures: readonly unknown[],
  most: number,
): Promise<void> {
  await Promise.all([start(), start()])
  while (leases.length < most && failures.length === 0 && new Set(leases.map(({ info }) => info.node)).size === 1) {
    await start()
  }
}
