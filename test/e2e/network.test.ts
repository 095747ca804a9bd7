/** Networks that fail and come back: whole pools whose runners reach their parent through a proxy that cuts, stalls and loses. */
import { afterEach, describe, expect, it } from "vitest"
import { createPool, type Pool, type PoolOptions } from "../../src/index.ts"
import { HOST_VARIABLE } from "../../src/shared/boot.ts"
import type * as ledgerModule from "../fixtures/modules/ledger.ts"
import type { Passage } from "../transport/lossy-proxy.ts"
import { eventually, isAlive, keep, once, told } from "./helpers.ts"
import { ProxiedBackend } from "./proxied.ts"

type Ledger = typeof ledgerModule

const networks = new Set<ProxiedBackend>()

afterEach(() => {
  for (const network of networks) network.close()
  networks.clear()
})

interface Site {
  readonly pool: Pool<Ledger>
  readonly network: ProxiedBackend
  /** The processes of its first runner. */
  readonly where: Awaited<ReturnType<Ledger["where"]>>
  /** What became of runners. */
  readonly news: string[]
}

/** A pool that is up, with its heart beating ten times a second. */
async function site(options: Partial<PoolOptions> = {}, network = new ProxiedBackend()): Promise<Site> {
  networks.add(network)
  const pool = keep(
    createPool<Ledger>({
      module: new URL("../fixtures/modules/ledger.ts", import.meta.url),
      backend: network,
      max: 1,
      logger: false,
      heartbeat: "100ms",
      reconnectTimeout: "30s",
      ...options,
    }),
  )
  const news: string[] = []
  for (const event of ["runner:drain", "runner:down"] as const) pool.on(event, () => news.push(event))
  return { pool, network, where: await pool.api.where(), news }
}

/** The same two processes serve, and no call ran twice. */
async function unharmed({ pool, where, news }: Site): Promise<void> {
  expect(await pool.api.where()).toEqual(where)
  const repeated = [...(await pool.api.ledger())].filter(([, times]) => times !== 1)
  expect(repeated).toEqual([])
  expect(news).toEqual([])
}

/** Numbers from 0 to below `limit`, the same in each run. */
function dice(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe("a network that cuts connections", () => {
  it("loses no call, large value, callback, stream or abort, and runs none twice", async () => {
    const s = await site({ maxConcurrency: 200 })
    const { pool, network } = s
    const roll = dice(4)
    const strike = (passage: Passage) => {
      for (const direction of ["up", "down"] as const) {
        void passage.strikeAfter(direction, 3_000 + roll(4_000_000), roll(2) === 0 ? "rst" : "fin")
      }
    }
    network.proxy.onPassage(strike)
    network.proxy.cut("rst")
    const bytes = 32 * 1024 * 1024
    const big = pool.api.echo(1_000, new Uint8Array(bytes).fill(7))
    const calls = Array.from({ length: 100 }, async (_, i) => expect(await pool.api.echo(i, { i })).toEqual({ i }))
    const asking = pool.api.ask(1_001, 30, async i => {
      if (i % 10 === 5) network.proxy.cut("fin")
      return i
    })
    const stream = (async () => {
      let next = 0
      for await (const item of pool.api.count(1_002, 300)) {
        expect(item).toBe(next++)
        if (item % 100 === 50) network.proxy.cut("rst")
      }
      return next
    })()
    const controller = new AbortController()
    const started = told()
    const aborted = pool.with({ signal: controller.signal }).untilAborted(1_003, started.tell)
    const end = expect(aborted).rejects.toMatchObject({ name: "AbortError" })
    await started.promise
    network.proxy.cut("rst")
    controller.abort()
    await end
    await Promise.all(calls)
    expect(await asking).toBe(435)
    expect(await stream).toBe(300)
    const echoed = (await big) as Uint8Array
    expect(echoed.byteLength).toBe(bytes)
    expect(echoed.every(b => b === 7)).toBe(true)
    expect(network.proxy.passages.length).toBeGreaterThan(12)
    await unharmed(s)
  })

  it("is answered with one new connection for each, and with no more when that is up", async () => {
    const warnings: unknown[] = []
    const warn = (...args: unknown[]) => void warnings.push(...args)
    const s = await site({ tls: false, heartbeat: "5s", logger: { debug() {}, info() {}, warn, error: warn } })
    const { pool, network } = s
    for (const path of ["/control", "/data"]) {
      for (const fault of ["rst", "fin"] as const) {
        const before = network.proxy.passages.length
        const those = () => network.proxy.open.filter(p => p.request.includes(path))
        await eventually(() => those().length === 1, `one ${path} connection`) // a worker may serve before its supervisor is there
        those()[0]!.cut(fault)
        await eventually(() => network.proxy.passages.length > before, "another connection")
        await pool.api.echo(before, 1)
        await pause(200) // as long as it takes for news of the cut to come the long way round
        const made = network.proxy.passages.slice(before)
        await eventually(() => made.filter(p => !p.client.destroyed).length === 1, "one of them is left")
        expect(made.length).toBeLessThanOrEqual(2) // one may be called off: the news was old
      }
    }
    expect(warnings.filter(w => /refused/.test(String(w)))).toEqual([])
    await unharmed(s)
  })
})

describe("a data connection that a switch forgot, while the supervisor is well", () => {
  const dataOf = ({ network }: Site) => network.proxy.open.filter(p => p.request.includes("/data"))

  it.each(["up", "down"] as const)("is replaced, and nothing is lost (%s)", async direction => {
    const s = await site({ tls: false, maxConcurrency: 10 })
    const started = told()
    const across = s.pool.api.later(1, 600, "here", started.tell) // its answer has to find another way
    await started.promise
    const [data] = dataOf(s)
    data!.mute(direction)
    expect(await s.pool.api.echo(2, "there")).toBe("there")
    expect(await across).toBe("here")
    expect(dataOf(s).at(-1)).not.toBe(data) // by another connection: that one is still there, as far as its ends know
    await unharmed(s)
  })
})

describe("a link that is down for many heartbeats and comes back", () => {
  it.each(["nobody hears of it", "both ends see their connections cut"])("loses nothing (%s)", async how => {
    const s = await site({ maxConcurrency: 10 })
    const { pool, network } = s
    const started = told()
    const across = pool.api.later(1, 600, "here", started.tell)
    await started.promise
    network.proxy.hold()
    if (how.startsWith("both")) network.proxy.cut("rst")
    const during = [2, 3, 4].map(n => pool.api.echo(n, n))
    await network.proxy.next() // the runner looks for another way
    await pause(800) // eight heartbeats
    network.proxy.release()
    expect(await across).toBe("here")
    expect(await Promise.all(during)).toEqual([2, 3, 4])
    await unharmed(s)
  })

  it("is given up when it does not come back: calls reject, another runner boots, the processes end", async () => {
    process.env[HOST_VARIABLE] = "127.0.0.1"
    try {
      const options = { reconnectTimeout: "1s", orphanTimeout: "1s" }
      const { pool, network, where } = await site(options as Partial<PoolOptions>, new ProxiedBackend("fabric"))
      const started = told()
      const across = pool.api.later(1, 60_000, "never", started.tell)
      const outcome = across.catch(error => error)
      await started.promise
      const since = performance.now()
      network.proxy.hold()
      expect(await outcome).toMatchObject({
        code: "ERR_FLAME_RUNNER_LOST",
        reason: "connection-lost",
        started: true,
      })
      // Three heartbeats, the second, and the two seconds in which the scheduler may explain it.
      expect(performance.now() - since).toBeGreaterThan(1_000)
      expect(performance.now() - since).toBeLessThan(8_000)
      expect((await pool.api.where()).id).not.toBe(where.id)
      expect(network.proxies).toHaveLength(2)
      await eventually(() => !isAlive(where.pid) && !isAlive(where.ppid), "the processes of the lost runner end")
    } finally {
      delete process.env[HOST_VARIABLE]
    }
  })
})

describe("a process that cannot answer for a while", () => {
  it("a worker that blocks its event loop while its connection is cut is waited for", async () => {
    const s = await site({ tls: false })
    const { pool, network } = s
    const started = told()
    const dizzy = pool.api.spin(1, 800, started.tell)
    await started.promise
    const data = network.proxy.open.find(p => p.request.includes("/data"))!
    data.cut("rst")
    expect(await dizzy).toBe("dizzy")
    await unharmed(s)
  })

  it("a parent that blocks its own loses no runner", async () => {
    const s = await site()
    const { pool } = s
    const started = told()
    const across = pool.api.later(1, 100, "here", started.tell)
    await started.promise
    const until = performance.now() + 1_000
    while (performance.now() < until);
    expect(await across).toBe("here")
    expect(await pool.api.echo(2, 2)).toBe(2)
    await unharmed(s)
  })

  it("a host that is frozen gets no new calls, and goes on with its own when it thaws", async () => {
    const noticed = told()
    const hear = (...args: unknown[]) => {
      if (args.some(arg => /connection was cut/.test(String(arg)))) void noticed.tell()
    }
    const logger = { debug() {}, info() {}, warn: hear, error: hear }
    const s = await site({ max: 2, maxConcurrency: 10, logger })
    const { pool, where } = s
    const started = told()
    const across = pool.api.later(1, 50, "here", started.tell)
    await started.promise
    for (const pid of [where.ppid, where.pid]) process.kill(pid, "SIGSTOP")
    try {
      await noticed.promise
      const up = once(pool, "runner:up")
      const elsewhere = pool.api.where()
      expect((await up).id).not.toBe(where.id)
      expect((await elsewhere).id).not.toBe(where.id)
    } finally {
      for (const pid of [where.pid, where.ppid]) process.kill(pid, "SIGCONT")
    }
    expect(await across).toBe("here")
    await eventually(() => s.network.proxies[0]!.passages.length > 2, "the runner comes back")
    expect(s.news).toEqual([])
    expect(isAlive(where.pid)).toBe(true)
  })
})
