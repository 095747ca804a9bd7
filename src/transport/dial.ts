/**
 * The dialling end of a connection: one WebSocket over TLS-PSK to the parent. Owns the attempt and its errors; retrying is
 * the caller's business.
 */
import type { TLSSocket } from "node:tls"
import { WebSocket } from "ws"
import { HandshakeError, HostError } from "../shared/errors.ts"
import {
  CLOSE_TIMEOUT_MS,
  CONTROL_PATH,
  DATA_PATH,
  MAX_CONTROL_BYTES,
  MAX_PACKET_BYTES,
  SUBPROTOCOL,
} from "./protocol.ts"
import { pskClientOptions } from "./psk.ts"

export interface DialOptions {
  host: string
  port: number
  kind: "control" | "data"
  identity: string
  key: Buffer
  /** The address to dial from; default: whatever the route gives. */
  localAddress?: string | undefined
  /** Default 10 s. */
  timeoutMs?: number
}

/** True when the error says that nobody listens at that address: the parent is gone, and trying on is pointless. */
export function isRefused(error: unknown): boolean {
  return (error as { cause?: { code?: string } }).cause?.code === "ECONNREFUSED"
}

/**
 * Opens one WebSocket.
 * @throws HandshakeError when the other end refuses us; HostError when it cannot be reached.
 */
export async function dial(options: DialOptions): Promise<WebSocket> {
  const path = options.kind === "control" ? CONTROL_PATH : DATA_PATH
  const host = options.host.includes(":") ? `[${options.host}]` : options.host
  const ws = new WebSocket(`wss://${host}:${options.port}${path}`, [SUBPROTOCOL], {
    ...pskClientOptions(options.identity, options.key),
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    agent: false,
    perMessageDeflate: false,
    skipUTF8Validation: false,
    maxPayload: options.kind === "control" ? MAX_CONTROL_BYTES : MAX_PACKET_BYTES,
    handshakeTimeout: options.timeoutMs ?? 10_000,
    closeTimeout: CLOSE_TIMEOUT_MS,
    // A client must mask, and a mask of zeros is a mask: it hides nothing from TLS and costs nothing on bulk data.
    generateMask: () => {},
  } as ConstructorParameters<typeof WebSocket>[2])
  await new Promise<void>((resolve, reject) => {
    ws.once("open", () => {
      ws.off("error", failed)
      resolve()
    })
    const failed = (error: NodeJS.ErrnoException) => {
      const to = `${options.host}:${options.port}${options.localAddress ? ` from ${options.localAddress}` : ""}`
      if (
        error.code?.startsWith("ERR_SSL") ||
        error.code === "EPROTO" ||
        /^Unexpected server response/.test(error.message)
      ) {
        reject(
          new HandshakeError(`the parent at ${to} refused this runner: ${error.message}`, {
            cause: error,
            hint: "its key was revoked (the pool gave this runner up), or another program listens there now",
          }),
        )
      } else {
        const hint =
          error.code === "EADDRNOTAVAIL"
            ? "SLURM_FLAME_HOST in the job script is not an address of this node"
            : "can this node reach that address? `slurm-flame doctor --submit` tries it with a real job"
        reject(
          new HostError(`cannot reach the parent at ${to}: ${error.code ?? error.message}`, { cause: error, hint }),
        )
      }
    }
    ws.once("error", failed)
  })
  return ws
}

/** Both ends of an open socket, for messages and tests. */
export function endsOf(ws: WebSocket): { localAddress: string; remoteAddress: string } {
  const socket = (ws as unknown as { _socket: TLSSocket })._socket
  return { localAddress: socket.localAddress ?? "", remoteAddress: socket.remoteAddress ?? "" }
}
