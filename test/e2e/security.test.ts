/**
 * Who speaks to the parent, with and without TLS: honest runners, and one that has its own key and is hostile. What the
 * hostile one sends is no business of this file; that the runner beside it does not notice is.
 */
import { randomBytes } from "node:crypto"
import { once as onceOf } from "node:events"
import type { Socket } from "node:net"
import { describe, expect, it } from "vitest"
import type { WebSocket } from "ws"
import { type Backend, type Job, type JobStatus, local, type Pool, type Refusal } from "../../src/index.ts"
import { BOOT_VARIABLE, type BootConfig, decodeBoot } from "../../src/shared/boot.ts"
import { dial } from "../../src/transport/dial.ts"
import { CloseCode, PROTOCOL_VERSION } from "../../src/transport/protocol.ts"
import { type Basic, basicPool, once, told } from "./helpers.ts"

/** A job that runs nothing. */
class PaperJob implements Job {
  readonly id = "paper"
  status: JobStatus = { state: "pending" }
  readonly #over: Promise<JobStatus & { state: "ended" }>
  #end!: (status: JobStatus & { state: "ended" }) => void

  constructor() {
    this.#over = new Promise(resolve => {
      this.#end = resolve
    })
  }
  onStatus() {
    return () => {}
  }
  async ask() {
    return this.status
  }
  attend() {}
  ended() {
    return this.#over
  }
  async cancel() {
    const status = { state: "ended", outcome: "cancelled", evidence: {} } as const
    this.status = status
    this.#end(status)
  }
  async stderrTail() {
    return ""
  }
}

/** Its first runner is a real one; the others exist on paper. `boots` is what they were told, `next` comes with the second. */
function backends(): { backend: Backend; boots: BootConfig[]; next: Promise<BootConfig> } {
  const real = local()
  const boots: BootConfig[] = []
  let tell!: (config: BootConfig) => void
  const next = new Promise<BootConfig>(resolve => {
    tell = resolve
  })
  const backend: Backend = {
    name: "local",
    network: "loopback",
    validate: () => real.validate(),
    cancelSync: jobs => real.cancelSync(jobs.filter(job => !(job instanceof PaperJob))),
    submit: async (spec, signal) => {
      const boot = decodeBoot(spec.secretEnv[BOOT_VARIABLE])
      boots.push(boot)
      if (boots.length === 1) return await real.submit(spec, signal)
      tell(boot)
      return new PaperJob()
    },
  }
  return { backend, boots, next }
}

interface Scene {
  readonly pool: Pool<Basic>
  /** What the hostile runner was told, its key included. */
  readonly boot: BootConfig
  /** The honest runner's id. */
  readonly victim: string
  readonly refusals: Refusal[]
  /** 100 calls were running all the time; ends them. Fails when one did not go on. */
  undisturbed(): Promise<void>
}

/** An honest runner with 100 calls in flight, and the key of a second one. */
async function scene(tls: boolean): Promise<Scene> {
  const { backend, next } = backends()
  const pool = basicPool({ backend, tls, max: 2, maxConcurrency: 200 })
  const refusals: Refusal[] = []
  pool.on("refused", event => void refusals.push(event))
  const honest = await pool.spawn()
  const running = told()
  let started = 0
  const calls = Array.from({ length: 100 }, () =>
    honest.api.gate(async () => {
      if (++started === 100) await running.tell()
    }),
  )
  await running.promise
  void pool.spawn().catch(() => {}) // boots the second runner; it ends with the pool
  const boot = await next
  return {
    pool,
    boot,
    victim: honest.id,
    refusals,
    async undisturbed() {
      const bytes = new Uint8Array(randomBytes(100_000))
      expect(Buffer.compare(await honest.api.echo(bytes), bytes)).toBe(0)
      expect(await honest.api.openGates()).toBe(100)
      expect(new Set(await Promise.all(calls))).toEqual(new Set(["released"]))
    },
  }
}

/** A connection of the hostile runner, and how it ends. */
async function connect(boot: BootConfig, kind: "control" | "data" = "data") {
  const { addresses, tls, runnerId: identity } = boot
  const ws = await dial({ ...addresses[0]!, tls, kind, identity, key: Buffer.from(boot.key, "base64") })
  ws.on("error", () => {})
  const over = onceOf(ws, "close").then(([code, reason]) => ({ code: code as number, reason: String(reason) }))
  return { ws, over, say: (message: object) => ws.send(JSON.stringify(message)) }
}

const v = PROTOCOL_VERSION
const control = (runnerId: string) => ({ t: "hello", v, runnerId, jobId: "1", node: "n", pid: 1 })
const data = (runnerId: string, generation = 0) => ({ t: "hello", v, runnerId, pid: 1, generation })

describe.each([true, false])("a pool with tls: %s", tls => {
  it("does calls, callbacks, streams and bulk data, and says how it is connected", async () => {
    const pool = basicPool({ tls })
    const epochs: number[] = []
    await pool.api.train({ epochs: 3 }, e => void epochs.push(e.epoch))
    expect(epochs).toEqual([0, 1, 2])
    const seen: number[] = []
    for await (const loss of pool.api.losses(2)) seen.push(loss)
    expect(seen).toEqual([1, 1 / 2])
    const bulk = new Uint8Array(randomBytes(3_000_000))
    expect(Buffer.compare(await pool.api.echo(bulk), bulk)).toBe(0)
    expect(pool.stats().tls).toBe(tls)
  })

  it("gives a crashed worker's successor its line", async () => {
    const pool = basicPool({ tls })
    const { pid } = await pool.api.where()
    process.kill(pid, "SIGKILL")
    await once(pool, "runner:up")
    expect((await pool.api.where()).pid).not.toBe(pid)
  })

  it("gives each runner a key of its own, which is void when that runner is gone", async () => {
    const { backend, boots, next } = backends()
    const pool = basicPool({ backend, tls, max: 2 })
    const runner = await pool.spawn()
    const [boot] = boots as [BootConfig]
    expect(Buffer.from(boot.key, "base64")).toHaveLength(32)
    const { ws } = await connect(boot) // who has the key can connect
    ws.terminate()
    await runner.terminate()
    const refused = once(pool, "refused")
    const error = await connect(boot).catch(e => e as Error)
    expect(error).toMatchObject({ code: "ERR_FLAME_HANDSHAKE", hint: expect.stringContaining("revoked") })
    expect(await refused).toMatchObject({ reason: tls ? "tls" : "proof" })
    void pool.spawn().catch(() => {}) // ends with the pool
    void pool.spawn().catch(() => {})
    const other = await next
    expect(other.key).not.toBe(boot.key)
    expect(other.runnerId).not.toBe(boot.runnerId)
  })

  it("is deaf to who speaks the other way", async () => {
    const { boot, refusals, undisturbed } = await scene(tls)
    const error = await connect({ ...boot, tls: !tls }).catch(e => e as Error)
    expect(error).toMatchObject({ message: expect.stringContaining("speaks TLS and the other does not") })
    expect(refusals.map(({ reason }) => reason)).toEqual([tls ? "tls" : "http"])
    await undisturbed()
  })

  it("refuses a second claimant of a runner's id, right key or not, and keeps the first", async () => {
    const { boot, undisturbed } = await scene(tls)
    const first = await connect(boot, "control")
    first.say(control(boot.runnerId))
    expect(String((await onceOf(first.ws, "message"))[0])).toContain("welcome")
    const second = await connect(boot, "control")
    second.say(control(boot.runnerId))
    expect(await second.over).toEqual({
      code: CloseCode.refused,
      reason: `runner ${boot.runnerId} is connected already`,
    })
    const worker = await connect(boot)
    worker.say(data(boot.runnerId))
    expect(String((await onceOf(worker.ws, "message"))[0])).toContain("welcome")
    const again = await connect(boot)
    again.say(data(boot.runnerId))
    expect(await again.over).toMatchObject({ code: CloseCode.refused })
    for (const { ws } of [first, worker]) {
      ws.ping()
      await onceOf(ws, "pong")
    }
    await undisturbed()
  })

  /** What the hostile runner does, and how its line ended. */
  type Hostile = (scene: Scene) => Promise<{ code: number; reason: string }>
  /** In place of a hello. */
  const stranger = (send: (line: Awaited<ReturnType<typeof connect>>, scene: Scene) => void): Hostile => {
    return async all => {
      const line = await connect(all.boot)
      send(line, all)
      return await line.over
    }
  }
  /** After it was welcomed as the runner that it is. */
  const greeted = (send: (line: Awaited<ReturnType<typeof connect>>, scene: Scene) => void): Hostile => {
    return async all => {
      const supervisor = await connect(all.boot, "control")
      supervisor.say(control(all.boot.runnerId))
      const line = await connect(all.boot)
      line.say(data(all.boot.runnerId))
      await onceOf(line.ws, "message")
      send(line, all)
      return await line.over
    }
  }
  const socketOf = (ws: WebSocket) => (ws as unknown as { _socket: Socket })._socket
  const announce = (bytes: bigint) => {
    const header = Buffer.alloc(14)
    header[0] = 0x82
    header[1] = 0xff
    header.writeBigUInt64BE(bytes, 2)
    return header
  }
  const many = (n: number, send: (i: number) => void) => {
    for (let i = 0; i < n; i++) send(i)
  }
  const refusedAs = { code: CloseCode.refused, reason: expect.stringContaining("was used to claim") }
  const resume = { line: "0".repeat(32), received: 0 }
  const noLine = { code: CloseCode.refused, reason: "there is no such line to go on with" }
  const brokeRules = { code: CloseCode.protocol, reason: expect.stringMatching(/./) }

  it.each<[string, Hostile, object]>([
    ["claims the other's id", stranger((line, s) => line.say(data(s.victim))), refusedAs],
    ["claims it with a later generation", stranger((line, s) => line.say(data(s.victim, 9))), refusedAs],
    ["sends noise for a hello", stranger(line => line.ws.send("{{{{")), brokeRules],
    ["sends bytes for a hello", stranger(line => line.ws.send(randomBytes(100))), brokeRules],
    ["floods before its hello", stranger(line => many(1_000, () => line.ws.ping(Buffer.alloc(125)))), { code: 1006 }],
    ["announces 2 GiB", stranger(line => socketOf(line.ws).write(announce(2n ** 31n))), { code: 1009 }],
    [
      "announces 8 EiB",
      greeted(line => socketOf(line.ws).write(announce(2n ** 63n - 1n))),
      { code: expect.any(Number) },
    ],
    ["sends noise for frames", greeted(line => many(100, () => line.ws.send(randomBytes(500)))), brokeRules],
    ["sends empty frames", greeted(line => many(100, () => line.ws.send(Buffer.alloc(0)))), brokeRules],
    ["says hello again, as the other", greeted((line, s) => line.say(data(s.victim))), brokeRules],
    [
      "closes channels that are the other's",
      greeted(line => many(500, channel => line.ws.send(`[2,${channel},0]`))),
      brokeRules,
    ],
    [
      "goes on with a line it was not given",
      stranger((line, s) => line.say({ ...data(s.boot.runnerId), resume })),
      noLine,
    ],
    ["has received what was never sent", greeted(line => line.ws.send("A99999")), brokeRules],
    ["floods with unknown messages", greeted(line => many(5_000, () => line.say({ t: "x".repeat(99) }))), brokeRules],
  ])("one runner %s: the calls of the other go on, and its line is closed", async (_what, attack, end) => {
    const all = await scene(tls)
    expect(await attack(all)).toMatchObject(end)
    await all.undisturbed()
  })
})
