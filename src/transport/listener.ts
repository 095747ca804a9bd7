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
  MAX_HELLO_BYTES,
  MAX_PACKET_BYTES,
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
  /** From the TCP connection to the end of the upgrade, in milliseconds. Default 5,000. */
  handshakeMs?: number
  /** Sockets of strangers that may wait at once; a connection over it is dropped. Default 1,024. */
  maxHalfOpen?: number
  /** Somebody was turned away; told once for each connection. */
  refused(event: { why: string; from: string }): void
}

const HANDSHAKE_MS = 5_000
const MAX_HALF_OPEN = 1_024

interface HalfOpen {
  readonly socket: Socket
  readonly timer: NodeJS.Timeout
  /** It was reported. */
  refused: boolean
}

const peerName = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`

export class Listener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #wss: Record<"control" | "data", WebSocketServer>
  readonly #identities = new WeakMap<Duplex, string>()
  /** Not yet accepted, by remote address and port. */
  readonly #halfOpen = new Map<string, HalfOpen>()
  readonly #handshakeMs: number
  readonly #maxHalfOpen: number

  private constructor(options: ListenerOptions) {
    this.#options = options
    this.#handshakeMs = options.handshakeMs ?? HANDSHAKE_MS
    this.#maxHalfOpen = options.maxHalfOpen ?? MAX_HALF_OPEN
    const wss = (maxPayload: number) => {
      const server = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload,
        closeTimeout: CLOSE_TIMEOUT_MS,
      } as ConstructorParameters<typeof WebSocketServer>[0])
      server.on("wsClientError", (error, socket) => {
        this.#turnAway(socket, peerName(socket as Socket), "400 Bad Request", `bad upgrade: ${error.message}`)
      })
      return server
    }
    this.#wss = { control: wss(MAX_CONTROL_BYTES), data: wss(MAX_PACKET_BYTES) }
    this.#server = createServer({
      ...pskServerOptions(
        identity => options.keyOf(identity),
        (socket, identity) => this.#identities.set(socket, identity),
      ),
      // One timer of ours watches over TLS, HTTP and upgrade together; these would say the same later.
      handshakeTimeout: 2 * this.#handshakeMs,
      headersTimeout: 2 * this.#handshakeMs,
      requestTimeout: 2 * this.#handshakeMs,
      maxHeaderSize: 4_096,
      noDelay: true,
    })
    this.#server.on("connection", (socket: Socket) => this.#onConnection(socket))
    // First of the listeners: that of node:https passes the error on to 'clientError', as if it were one of HTTP.
    this.#server.prependListener("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      this.#refused(peerName(socket), `TLS: ${error.code ?? error.message}`)
      socket.destroy()
    })
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      const layer = error.code?.startsWith("ERR_SSL") ? "TLS" : "HTTP" // a wrong key shows only after the handshake's first half
      this.#refused(peerName(socket as Socket), `${layer}: ${error.code ?? error.message}`)
      socket.destroy()
    })
    this.#server.on("request", (request, response) => {
      this.#refused(peerName(request.socket), `not a WebSocket: ${request.method} ${request.url}`)
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
    if (this.#halfOpen.size >= this.#maxHalfOpen) {
      this.#options.refused({ why: `more than ${this.#maxHalfOpen} connections wait for a handshake`, from: name })
      socket.destroy()
      return
    }
    const timer = setTimeout(() => {
      this.#refused(name, `no handshake within ${this.#handshakeMs} ms`)
      socket.destroy()
    }, this.#handshakeMs)
    timer.unref()
    this.#halfOpen.set(name, { socket, timer, refused: false })
    socket.once("close", () => {
      if (this.#halfOpen.get(name)?.socket !== socket) return
      this.#refused(name, "it hung up before it was accepted")
      this.#settle(name)
    })
  }

  /** The socket is no stranger's any more: accepted, refused or closed. */
  #settle(name: string): void {
    clearTimeout(this.#halfOpen.get(name)?.timer)
    this.#halfOpen.delete(name)
  }

  /** Tells of a connection that was not accepted yet, once; whatever else becomes of its socket is no news. */
  #refused(from: string, why: string): void {
    const entry = this.#halfOpen.get(from)
    if (!entry || entry.refused) return
    entry.refused = true
    this.#options.refused({ why, from })
  }

  #turnAway(socket: Duplex, from: string, status: string, why: string): void {
    this.#refused(from, why)
    socket.on("error", () => socket.destroy()) // the stranger may be gone before it reads this
    const answer = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
    socket.end(answer, () => socket.destroy())
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const tls = request.socket as TLSSocket
    const from = peerName(tls)
    const path = request.url?.split("?", 1)[0]
    const identity = this.#identities.get(tls)
    const kind = path === CONTROL_PATH ? "control" : path === DATA_PATH ? "data" : undefined
    const refuse = (status: string, why: string) => this.#turnAway(socket, from, status, why)
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
