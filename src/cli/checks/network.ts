/**
 * The addresses runners will dial, and whether a connection to each works: the real listener and the real dial, from this
 * machine to itself. What lies between it and a node, only a job can tell.
 */
import { networkInterfaces } from "node:os"
import type { WebSocket } from "ws"
import { listenHosts } from "../../parent/host.ts"
import { showEndpoint } from "../../shared/address.ts"
import type { Backend } from "../../shared/backend.ts"
import { HOST_VARIABLE } from "../../shared/boot.ts"
import { dial } from "../../transport/dial.ts"
import { Listener } from "../../transport/listener.ts"
import { newKey } from "../../transport/psk.ts"
import { type Check, type Finding, failure, round } from "../check.ts"

/** Which addresses the parent would listen on, and why. Fails the doctor where the user chose one, or there is a Slurm. */
export function addressCheck(backend: Backend, slurmIsHere: boolean): Check {
  const chosen = process.env[HOST_VARIABLE] !== undefined || backend.interface !== undefined
  return {
    name: "address",
    required: slurmIsHere || chosen,
    run() {
      const { addresses, missing } = listenHosts(backend)
      const named = addresses.map(address => `${address} (${interfaceOf(address)})`)
      const fact = `${named.join(", then ")}, ${reason(backend, interfaceOf(addresses[0]!))}`
      const [absent] = missing
      if (absent === undefined) return { ok: true, fact }
      const { fact: what, advice } = failure(absent)
      return { ok: false, required: false, fact: `${fact}; left out: ${what}`, advice }
    },
  }
}

function reason(backend: Backend, name: string): string {
  if (process.env[HOST_VARIABLE] !== undefined) return `from ${HOST_VARIABLE}`
  if (backend.interface !== undefined) return `from the interface "${[backend.interface].flat().join('", "')}"`
  if (name === "ib0") return "because there is an ib0"
  return `the first address of this host: there is no ib0, and ${HOST_VARIABLE} is not set`
}

function interfaceOf(address: string): string {
  const found = Object.entries(networkInterfaces()).find(([, list]) => list?.some(a => a.address === address))
  return found?.[0] ?? "loopback"
}

/** How many pings give the round trip. */
const PINGS = 20

/** The checks of a connection to each address that was chosen, or to loopback where there is none. */
export function connectionChecks(backend: Backend): Check[] {
  const hosts = () => {
    try {
      return listenHosts(backend).addresses
    } catch {
      return ["127.0.0.1"] // the check of the address has said why
    }
  }
  const [first] = hosts()
  return [
    { name: "listen and dial", required: true, run: () => each(hosts(), host => withListener(host, tryConnection)) },
    { name: "wrong key", required: true, run: () => withListener(first!, tryWrongKey) },
    { name: "without TLS", required: false, run: () => withListener(first!, tryPlain, false) },
  ]
}

/** One finding of those for several addresses: the worst, and what is so of all. */
async function each(hosts: readonly string[], look: (host: string) => Promise<Finding>): Promise<Finding> {
  const findings: Finding[] = []
  for (const host of hosts) findings.push(await look(host).catch(failure))
  const worst = findings.find(({ ok }) => !ok) ?? findings[0]!
  return { ...worst, fact: findings.map(({ fact }) => fact).join("; ") }
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
    fact: `${showEndpoint({ host, port })} from this machine, TLS 1.3 with a pre-shared key: up in ${round(connectMs)} ms, round trip ${round(ms)} ms`,
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
