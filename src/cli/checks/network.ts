/**
 * The address runners will dial, and whether a connection to it works: the real listener and the real dial, from this
 * machine to itself. What lies between it and a node, only a job can tell.
 */
import { networkInterfaces } from "node:os"
import type { WebSocket } from "ws"
import { listenHost } from "../../parent/host.ts"
import type { Backend } from "../../shared/backend.ts"
import { HOST_VARIABLE } from "../../shared/boot.ts"
import { dial } from "../../transport/dial.ts"
import { Listener } from "../../transport/listener.ts"
import { newKey } from "../../transport/psk.ts"
import { type Check, failure, round } from "../check.ts"

/** Which address the parent would listen on, and why. Fails the doctor where the user chose one, or there is a Slurm. */
export function addressCheck(backend: Backend, slurmIsHere: boolean): Check {
  const chosen = process.env[HOST_VARIABLE] !== undefined || backend.interface !== undefined
  return {
    name: "address",
    required: slurmIsHere || chosen,
    run() {
      const address = listenHost(backend)
      const name = interfaceOf(address)
      return { ok: true, fact: `${address} (${name}), ${reason(backend, name)}` }
    },
  }
}

function reason(backend: Backend, name: string): string {
  if (process.env[HOST_VARIABLE] !== undefined) return `from ${HOST_VARIABLE}`
  if (backend.interface !== undefined) return `from the interface "${backend.interface}"`
  if (name === "ib0") return "because there is an ib0"
  return `the first address of this host: there is no ib0, and ${HOST_VARIABLE} is not set`
}

function interfaceOf(address: string): string {
  const found = Object.entries(networkInterfaces()).find(([, list]) => list?.some(a => a.address === address))
  return found?.[0] ?? "loopback"
}

/** How many pings give the round trip. */
const PINGS = 20

/** The checks of a connection to the address that was chosen, or to loopback where there is none. */
export function connectionChecks(backend: Backend): Check[] {
  const host = () => {
    try {
      return listenHost(backend)
    } catch {
      return "127.0.0.1" // the check of the address has said why
    }
  }
  return [
    { name: "listen and dial", required: true, run: () => withListener(host(), tryConnection) },
    { name: "wrong key", required: true, run: () => withListener(host(), tryWrongKey) },
    { name: "without TLS", required: false, run: () => withListener(host(), tryPlain, false) },
  ]
}

interface Stage {
  readonly listener: Listener
  readonly key: Buffer
  readonly accepted: () => number
  readonly refusal: () => string | undefined
}

const IDENTITY = "doctor"

async function withListener<T>(host: string, use: (stage: Stage) => Promise<T>, tls = true): Promise<T> {
  const key = newKey()
  const peers: WebSocket[] = []
  let refusal: string | undefined
  const listener = await Listener.listen({
    host,
    tls,
    keyOf: identity => (identity === IDENTITY ? key : undefined),
    accept: peer => {
      peer.greeted()
      peers.push(peer.ws)
    },
    refused: event => {
      refusal ??= event.why
    },
  })
  try {
    return await use({ listener, key, accepted: () => peers.length, refusal: () => refusal })
  } finally {
    for (const ws of peers) ws.terminate()
    listener.close()
  }
}

async function tryConnection({ listener, key }: Stage) {
  const { host, port } = listener
  const { connectMs, ms } = await roundTrip(listener, key, true)
  return {
    ok: true,
    fact: `${host}:${port} from this machine, TLS 1.3 with a pre-shared key: up in ${round(connectMs)} ms, round trip ${round(ms)} ms`,
    ms,
  }
}

/** What `createPool({ tls: false })` would do: the same keys, and nobody else's. */
async function tryPlain(stage: Stage) {
  const { connectMs, ms } = await roundTrip(stage.listener, stage.key, false)
  const before = stage.accepted()
  const refused = await roundTrip(stage.listener, newKey(), false).then(
    () => false,
    () => stage.accepted() === before,
  )
  if (!refused) return { ok: false, fact: "a peer with a wrong key got through", advice: "do not use `tls: false`" }
  const fact = `\`tls: false\` works, a wrong key is refused: up in ${round(connectMs)} ms, round trip ${round(ms)} ms, not encrypted`
  return { ok: true, fact, ms }
}

async function roundTrip(listener: Listener, key: Buffer, tls: boolean): Promise<{ connectMs: number; ms: number }> {
  const { host, port } = listener
  const began = performance.now()
  const ws = await dial({ host, port, tls, kind: "data", identity: IDENTITY, key, localAddress: host })
  const connectMs = performance.now() - began
  try {
    const times: number[] = []
    for (let i = 0; i < PINGS; i++) times.push(await pingMs(ws))
    return { connectMs, ms: median(times) }
  } finally {
    ws.terminate()
  }
}

function pingMs(ws: WebSocket): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const lost = () => reject(new Error("the connection closed before it answered a ping"))
    ws.once("close", lost)
    ws.once("pong", () => {
      ws.off("close", lost)
      resolve(performance.now() - began)
    })
    ws.ping()
  })
}

async function tryWrongKey({ listener, accepted, refusal }: Stage) {
  const { host, port } = listener
  let refused: unknown
  try {
    const ws = await dial({ host, port, kind: "data", identity: IDENTITY, key: newKey(), localAddress: host })
    ws.terminate()
  } catch (error) {
    refused = error
  }
  if (refused !== undefined && accepted() === 0) {
    const why = refusal()?.replace(/^\w+: /, "") ?? failure(refused).fact
    return { ok: true, fact: `refused in the handshake (${why})` }
  }
  return {
    ok: false,
    fact: "a peer with a wrong key got through",
    advice: "do not use slurm-flame with this Node: something has changed how its TLS treats pre-shared keys",
  }
}

/** The middle one of `values`, which are not empty. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
