/**
 * The dialling end of a connection: one WebSocket to the parent, over TLS-PSK or (`tls: false`) with a challenge. Owns the
 * attempt and its errors; retrying is the caller's business.
 */
import type { ClientRequest } from "node:http"
import type { Socket } from "node:net"
import { WebSocket } from "ws"
import { type Endpoint, showEndpoint } from "../shared/address.ts"
import { formatMs } from "../shared/duration.ts"
import { type FlameError, HandshakeError, HostError, ProtocolError } from "../shared/errors.ts"
import { limitBytes, MAX_PENDING_PONGS } from "./byte-limit.ts"
import { holdMessages } from "./held-messages.ts"
import { giveProof } from "./proof.ts"
import {
  CLOSE_TIMEOUT_MS,
  CONTROL_PATH,
  DATA_PATH,
  MAX_CONTROL_BYTES,
  MAX_HELLO_BYTES,
  MAX_PACKET_BYTES,
  SUBPROTOCOL,
} from "./protocol.ts"
import { pskClientOptions } from "./psk.ts"

export interface DialOptions extends Endpoint {
  kind: "control" | "data"
  identity: string
  key: Buffer
  /** False: the parent's pool has `tls: false`. Default true. */
  tls?: boolean
  /** The address to dial from; default: whatever the route gives. */
  localAddress?: string | undefined
  /** From the dial to the parent's proof. Default 10 s. */
  timeoutMs?: number
  /** The other end's host took the connection: there is a way to it, whatever comes of the handshake. */
  connected?: () => void
  /** Gives the attempt up, unless it is connected: then it goes on, so that the other end is not left with half a handshake. */
  signal?: AbortSignal
}

const TIMEOUT_MS = 10_000

/** True when the error says that nobody listens at that address: the parent is gone, and trying on is pointless. */
export function isRefused(error: unknown): boolean {
  return (error as { cause?: { code?: string } }).cause?.code === "ECONNREFUSED"
}

/**
 * Opens one WebSocket, proves the key to the parent and has the parent prove it too. Messages that come before anybody
 * listens are held for the first who does.
 * @throws HandshakeError when the other end refuses us or is not the parent; HostError when it cannot be reached.
 */
export async function dial(options: DialOptions): Promise<WebSocket> {
  const { kind, identity, key, tls = true, timeoutMs = TIMEOUT_MS, signal } = options
  const path = kind === "control" ? CONTROL_PATH : DATA_PATH
  let connected = false
  const until = performance.now() + timeoutMs
  const ws = new WebSocket(`${tls ? "wss" : "ws"}://${showEndpoint(options)}${path}`, [SUBPROTOCOL], {
    ...(tls ? pskClientOptions(identity, key) : {}),
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    agent: false,
    perMessageDeflate: false,
    skipUTF8Validation: false,
    maxPayload: kind === "control" ? MAX_CONTROL_BYTES : MAX_PACKET_BYTES,
    handshakeTimeout: timeoutMs,
    closeTimeout: CLOSE_TIMEOUT_MS,
    maxPendingAutoPongs: MAX_PENDING_PONGS,
    // A client must mask, and a mask of zeros is a mask: no proxy lies between our processes that it could confuse.
    generateMask: () => {},
    finishRequest: (request: ClientRequest) => {
      request.once("socket", socket =>
        socket.once("connect", () => {
          connected = true
          options.connected?.()
        }),
      )
      request.end()
    },
  } as ConstructorParameters<typeof WebSocket>[2])
  holdMessages(ws)
  const to = `${showEndpoint(options)}${options.localAddress ? ` from ${options.localAddress}` : ""}`
  const giveUp = () => {
    if (!connected) ws.terminate()
  }
  signal?.addEventListener("abort", giveUp)
  try {
    await opened(ws, to, timeoutMs)
  } finally {
    signal?.removeEventListener("abort", giveUp)
  }
  if (!tls) await proven(ws, options, until - performance.now(), to)
  return ws
}

async function opened(ws: WebSocket, to: string, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    ws.once("open", () => {
      ws.off("error", failed)
      resolve()
    })
    const failed = (error: NodeJS.ErrnoException) => {
      if (
        error.code?.startsWith("ERR_SSL") ||
        error.code?.startsWith("HPE_") ||
        error.code === "EPROTO" ||
        /^Unexpected server response/.test(error.message)
      ) {
        reject(refusedBy(to, error))
      } else {
        const hint =
          error.code === "EADDRNOTAVAIL"
            ? "SLURM_FLAME_HOST in the job script is not an address of this node"
            : "can this node reach that address? `slurm-flame doctor --submit` tries it with a real job"
        reject(new HostError(`cannot reach the parent at ${to}: ${reasonOf(error, timeoutMs)}`, { cause: error, hint }))
      }
    }
    ws.once("error", failed)
  })
}

/** The system's codes in words that a user of a cluster can do something with. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused: nobody listens there (ECONNREFUSED)",
  EHOSTUNREACH: "no route to that host, or it is down (EHOSTUNREACH)",
  ENETUNREACH: "no route to that network (ENETUNREACH)",
  EADDRNOTAVAIL: "the address to dial from is not one of this node (EADDRNOTAVAIL)",
}

function reasonOf(error: NodeJS.ErrnoException, timeoutMs: number): string {
  const { code, message } = error
  if (code === "ETIMEDOUT" || /handshake has timed out/.test(message)) return `no answer within ${formatMs(timeoutMs)}`
  return (code === undefined ? undefined : REASONS[code]) ?? code ?? message
}

/** What a TLS client says of an answer in plain HTTP, and what the listener answers to HTTP where TLS is wanted. */
const MISMATCH = /wrong version number|response: 426/i

function refusedBy(to: string, cause: Error): HandshakeError {
  if (MISMATCH.test(cause.message)) {
    return new HandshakeError(
      `the parent at ${to} refused this runner: one of the two speaks TLS and the other does not`,
      {
        cause,
        hint: "the pool's `tls` option reaches its runners by itself: another pool or program listens there now",
      },
    )
  }
  return new HandshakeError(`the parent at ${to} refused this runner: ${cause.message}`, {
    cause,
    hint: "its key was revoked (the pool gave this runner up), or another program listens there now",
  })
}

/** @throws HandshakeError; HostError when the parent says nothing for `ms`. */
async function proven(ws: WebSocket, options: DialOptions, ms: number, to: string): Promise<void> {
  let fail!: (error: FlameError) => void
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  const late = setTimeout(() => fail(new HostError(`cannot reach the parent at ${to}: it did not answer in time`)), ms)
  const lift = limitBytes((ws as unknown as { _socket: Socket })._socket, MAX_HELLO_BYTES, () =>
    fail(new ProtocolError(`more than ${MAX_HELLO_BYTES} bytes before it proved its key`)),
  )
  try {
    await Promise.race([giveProof(ws, options), failed])
  } catch (error) {
    ws.on("error", () => {}) // whatever becomes of it now is no news
    ws.terminate()
    if (error instanceof HostError) throw error
    throw refusedBy(to, error as Error)
  } finally {
    clearTimeout(late)
    lift()
  }
}

/** Both ends of an open socket, for messages and tests. */
export function endsOf(ws: WebSocket): { localAddress: string; remoteAddress: string } {
  const socket = (ws as unknown as { _socket: Socket })._socket
  return { localAddress: socket.localAddress ?? "", remoteAddress: socket.remoteAddress ?? "" }
}
