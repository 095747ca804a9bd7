/**
 * The one open port: a TLS-PSK server that accepts WebSockets of known runners and refuses everybody else before they can
 * speak. Owns the server and the sockets that are not yet accepted. Knows identities and keys, but no runner and no pool.
 */
import type { IncomingMessage } from "node:http"
import { createServer, type Server } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { TLSSocket } from "node:tls"
import { type WebSocket, WebSocketServer } from "ws"
import { HostError } from "../shared/errors.ts"
import {
  CLOSE_TIMEOUT_MS,
  CONTROL_PATH,
  DATA_PATH,
  MAX_CONTROL_BYTES,
  MAX_FRAME_BYTES,
  MAX_HELLO_BYTES,
  SUBPROTOCOL,
} from "./protocol.ts"
import { pskServerOptions } from "./psk.ts"

/** A peer that proved its identity and upgraded. */
export interface AcceptedPeer {
  readonly ws: WebSocket
  readonly identity: string
  readonly kind: "control" | "data"
  readonly localAddress: string
  readonly remoteAddress: string
  /** The peer's hello was accepted: lifts the limit on what it may send. */
  greeted(): void
}

export interface ListenerOptions {
  /** The address to bind: one of this machine's own. */
  host: string
  /** Default 0: any free port. */
  port?: number
  /** The key of a live runner; undefined for an unknown or revoked identity. */
  keyOf(identity: string): Buffer | undefined
  accept(peer: AcceptedPeer): void
  /** Somebody was turned away. */
  refused(event: { why: string; from: string }): void
}

/** From the TCP connection to the end of the upgrade. */
const HANDSHAKE_MS = 5_000
/** Sockets of strangers that may wait at once; a connection over it is dropped. */
const MAX_HALF_OPEN = 1_024

const peerName = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`

export class Listener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #wss: Record<"control" | "data", WebSocketServer>
  readonly #identities = new WeakMap<Duplex, string>()
  /** Not yet accepted, by remote address and port. */
  readonly #halfOpen = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>()

  private constructor(options: ListenerOptions) {
    this.#options = options
    const wss = (maxPayload: number) =>
      new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload,
        closeTimeout: CLOSE_TIMEOUT_MS,
      } as ConstructorParameters<typeof WebSocketServer>[0])
    this.#wss = { control: wss(MAX_CONTROL_BYTES), data: wss(MAX_FRAME_BYTES) }
    this.#server = createServer({
      ...pskServerOptions(
        identity => options.keyOf(identity),
        (socket, identity) => this.#identities.set(socket, identity),
      ),
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HANDSHAKE_MS,
      requestTimeout: HANDSHAKE_MS,
      maxHeaderSize: 4_096,
      noDelay: true,
    })
    this.#server.on("connection", (socket: Socket) => this.#onConnection(socket))
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      options.refused({ why: `TLS: ${error.code ?? error.message}`, from: peerName(socket) })
      socket.destroy()
    })
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      options.refused({ why: `HTTP: ${error.code ?? error.message}`, from: peerName(socket as Socket) })
      socket.destroy()
    })
    this.#server.on("request", (request, response) => {
      options.refused({ why: `not a WebSocket: ${request.method} ${request.url}`, from: peerName(request.socket) })
      response.writeHead(426, { connection: "close" }).end()
    })
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head))
  }

  /** Binds. @throws HostError when the address is not this machine's, or the port is taken. */
  static async listen(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options)
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        const what = `cannot listen on ${options.host}:${options.port ?? 0}: ${error.code ?? error.message}`
        const hint =
          error.code === "EADDRNOTAVAIL"
            ? `${options.host} is not an address of this machine; see \`ip -br addr\` and set SLURM_FLAME_HOST to one of them`
            : undefined
        reject(new HostError(what, { cause: error, hint }))
      }
      listener.#server.once("error", failed)
      listener.#server.listen({ host: options.host, port: options.port ?? 0, backlog: 511 }, () => {
        listener.#server.off("error", failed)
        resolve()
      })
    })
    return listener
  }

  get host(): string {
    return this.#options.host
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Does not keep the process alive by itself. */
  unref(): void {
    this.#server.unref()
  }

  /** Takes no more connections and drops those not yet accepted. Accepted ones belong to whoever took them. */
  close(): void {
    for (const { socket, timer } of this.#halfOpen.values()) {
      clearTimeout(timer)
      socket.destroy()
    }
    this.#halfOpen.clear()
    this.#server.close()
  }

  #onConnection(socket: Socket): void {
    const name = peerName(socket)
    if (this.#halfOpen.size >= MAX_HALF_OPEN) {
      this.#options.refused({ why: `more than ${MAX_HALF_OPEN} connections wait for a handshake`, from: name })
      socket.destroy()
      return
    }
    const timer = setTimeout(() => {
      this.#options.refused({ why: `no handshake within ${HANDSHAKE_MS} ms`, from: name })
      socket.destroy()
    }, HANDSHAKE_MS)
    timer.unref()
    this.#halfOpen.set(name, { socket, timer })
    socket.once("close", () => this.#settle(name, socket))
  }

  /** The socket is no stranger's any more: accepted, refused or closed. */
  #settle(name: string, socket?: Socket): void {
    const entry = this.#halfOpen.get(name)
    if (!entry || (socket && entry.socket !== socket)) return
    clearTimeout(entry.timer)
    this.#halfOpen.delete(name)
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const tls = request.socket as TLSSocket
    const from = peerName(tls)
    const path = request.url?.split("?", 1)[0]
    const identity = this.#identities.get(tls)
    const kind = path === CONTROL_PATH ? "control" : path === DATA_PATH ? "data" : undefined
    const refuse = (status: string, why: string) => {
      this.#options.refused({ why, from })
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    }
    // A browser always sends Origin, our runners never do: a page that guessed the port gets nowhere.
    if (request.headers.origin !== undefined) return refuse("403 Forbidden", `Origin ${request.headers.origin}`)
    if (identity === undefined) return refuse("401 Unauthorized", "a socket without a proven identity")
    if (this.#options.keyOf(identity) === undefined) return refuse("401 Unauthorized", `revoked key of ${identity}`)
    if (kind === undefined) return refuse("404 Not Found", `unknown path ${path}`)
    const offered = request.headers["sec-websocket-protocol"]?.split(",").map(p => p.trim()) ?? []
    if (!offered.includes(SUBPROTOCOL)) return refuse("400 Bad Request", `subprotocol ${offered.join() || "missing"}`)
    this.#wss[kind].handleUpgrade(request, socket, head, ws => {
      this.#settle(from)
      tls.unref() // a program ends when its work is done, not when its idle runners are gone
      const greeted = limitUntilGreeted(tls, () => {
        this.#options.refused({ why: `more than ${MAX_HELLO_BYTES} bytes before the hello`, from })
        ws.terminate()
      })
      this.#options.accept({
        ws,
        identity,
        kind,
        localAddress: tls.localAddress ?? "",
        remoteAddress: tls.remoteAddress ?? "",
        greeted,
      })
    })
  }
}

/** ws has one fixed maxPayload per socket; before the hello a peer gets far less, whatever its frame header announces. */
function limitUntilGreeted(socket: TLSSocket, exceeded: () => void): () => void {
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_HELLO_BYTES) return
    socket.off("data", count)
    exceeded()
  }
  socket.on("data", count)
  return () => socket.off("data", count)
}
