/** A network between parent and runner that is cut and comes back: what two live processes do not notice, and what ends a runner. */
import { createConnection, createServer, type Server, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { type Backend, local } from "../../src/index.ts"
import { BOOT_VARIABLE, decodeBoot, encodeBoot } from "../../src/shared/boot.ts"
import { basicPool, once, told } from "./helpers.ts"

/** A way to a port that can be cut. */
class Network {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #down = false
  /** Connections made so far. */
  made = 0
  port = 0

  constructor(to: number) {
    this.#server = createServer(near => {
      if (this.#down) return near.destroy()
      this.made += 1
      const far = createConnection(to, "127.0.0.1")
      const pair = [near, far] as const
      this.#pairs.add(pair)
      for (const [one, other] of [pair, [far, near] as const]) {
        one.on("error", () => {}) // told by 'close'
        one.on("close", () => {
          other.destroy()
          this.#pairs.delete(pair)
        })
      }
      near.pipe(far).pipe(near)
    })
  }

  async open(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, "127.0.0.1", resolve))
    this.port = (this.#server.address() as { port: number }).port
  }

  /** Cuts every connection. What was on its way is lost. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  /** From now on no connection can be made, though somebody seems to listen. */
  down(): void {
    this.#down = true
    this.cut()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }
}

const networks: Network[] = []
afterEach(() => {
  for (const network of networks.splice(0)) network.close()
})

/** Runners on this machine that reach their parent by a network of the test's. */
function remote(): { backend: Backend; network: () => Network } {
  const real = local()
  let network: Network | undefined
  const backend: Backend = {
    name: "local",
    network: "loopback",
    validate: () => real.validate(),
    cancelSync: jobs => real.cancelSync(jobs),
    submit: async (spec, signal) => {
      const boot = decodeBoot(spec.secretEnv[BOOT_VARIABLE])
      network = new Network(boot.port)
      networks.push(network)
      await network.open()
      const secretEnv = { [BOOT_VARIABLE]: encodeBoot({ ...boot, port: network.port }) }
      return await real.submit({ ...spec, secretEnv }, signal)
    },
  }
  return { backend, network: () => network! }
}

describe.each([true, false])("a network that is cut, with tls: %s", tls => {
  it("loses no call, no item and no byte, and the worker is the same", async () => {
    const { backend, network } = remote()
    const pool = basicPool({ backend, tls, maxConcurrency: 50 })
    const lost: unknown[] = []
    pool.on("runner:down", event => void lost.push(event))
    const { pid } = await pool.api.where()
    const bulk = new Uint8Array(20_000_000).map((_, i) => i * 31)
    const working = Promise.all([
      pool.api.echo(bulk).then(back => expect(Buffer.compare(back, bulk)).toBe(0)),
      (async () => {
        for (let i = 0; i < 400; i++) expect(await pool.api.add(i, 1)).toBe(i + 1)
      })(),
      (async () => {
        const epochs: number[] = []
        await pool.api.train({ epochs: 300 }, ({ epoch }) => void epochs.push(epoch))
        expect(epochs).toEqual(Array.from({ length: 300 }, (_, i) => i)) // each callback once, in order
      })(),
      (async () => {
        let n = 0
        for await (const loss of pool.api.losses(3_000)) expect(loss).toBe(1 / ++n)
        expect(n).toBe(3_000)
      })(),
    ])
    for (let cuts = 0; cuts < 3; cuts++) {
      const before = network().made
      network().cut()
      // Both processes have noticed and come again.
      await expect.poll(() => network().made, { timeout: 20_000, interval: 10 }).toBeGreaterThanOrEqual(before + 2)
      expect(await pool.api.add(cuts, cuts)).toBe(2 * cuts)
    }
    await working
    expect((await pool.api.where()).pid).toBe(pid)
    expect(lost).toEqual([])
  })

  it("for longer than `reconnectTimeout` loses the runner, as lost to the network", async () => {
    const { backend, network } = remote()
    const pool = basicPool({ backend, tls, reconnectTimeout: 500 })
    const started = told()
    const call = pool.api.hold(started.tell)
    call.catch(() => {}) // asserted below
    await started.promise
    const down = once(pool, "runner:down")
    network().down()
    await expect(call).rejects.toMatchObject({
      code: "ERR_FLAME_RUNNER_LOST",
      reason: "connection-lost",
      started: true,
    })
    expect((await down).goneReason).toBe("connection-lost")
  })
})
