/**
 * The one open port: a server that accepts WebSockets of runners that prove their key, by TLS-PSK or (`tls: false`) by a
 * challenge, and refuses everybody else before they can speak. Owns the server. Knows identities and keys, but no runner
 * and no pool.
 */
import { createServer as createPlainServer, type IncomingMessage, type Server as PlainServer } from "node:http"
import { createServer, type Server } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { TLSSocket } from "node:tls"
import { type WebSocket, WebSocketServer } from "ws"
import { HostError } from "../shared/errors.ts"
import { limitBytes, MAX_PENDING_PONGS } from "./byte-limit.ts"
import { askProof } from "./proof.ts"
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
import { peerName, type Refusal, type RefusalReason, refusal, Strangers } from "./strangers.ts"

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
  /** False: no TLS, but a mutual challenge with the same keys. Default true. */
  tls?: boolean
  /** The key of a live runner; undefined for an unknown or revoked identity. */
  keyOf(identity: string): Buffer | undefined
  /** Must take the peer's messages before it returns. */
  accept(peer: AcceptedPeer): void
  /** From the TCP connection to the peer's acceptance, in milliseconds. Default 5,000. */
  handshakeMs?: number
  /** Sockets of strangers that may wait at once; a connection over it is dropped. Default 1,024. */
  maxHalfOpen?: number
  /** Somebody was turned away; told once for each connection. */
  refused(event: Refusal): void
}

const HANDSHAKE_MS = 5_000
const MAX_HALF_OPEN = 1_024
/** The first byte of a TLS handshake, which is none of HTTP. */
const TLS_HANDSHAKE = 0x16

/** What a stranger reads. In plain HTTP it is also the way to tell somebody that TLS is spoken on one side only. */
const answer = (status: string) => `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`

export class Listener {
  readonly #options: ListenerOptions
  readonly #server: Server | PlainServer
  readonly #wss: Record<"control" | "data", WebSocketServer>
  readonly #identities = new WeakMap<Duplex, string>()
  /** Whom a socket that is turned away claimed to be. */
  readonly #claims = new WeakMap<Duplex, string>()
  readonly #strangers: Strangers

  private constructor(options: ListenerOptions) {
    this.#options = options
    const handshakeMs = options.handshakeMs ?? HANDSHAKE_MS
    this.#strangers = new Strangers({ handshakeMs, most: options.maxHalfOpen ?? MAX_HALF_OPEN }, event =>
      options.refused(event),
    )
    const wss = (maxPayload: number) => {
      const server = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload,
        closeTimeout: CLOSE_TIMEOUT_MS,
        maxPendingAutoPongs: MAX_PENDING_PONGS,
      } as ConstructorParameters<typeof WebSocketServer>[0])
      server.on("wsClientError", (error, socket) => {
        this.#turnAway(socket as Socket, "400 Bad Request", "http", `bad upgrade: ${error.message}`)
      })
      return server
    }
    this.#wss = { control: wss(MAX_CONTROL_BYTES), data: wss(MAX_PACKET_BYTES) }
    // One timer of ours watches over TLS, HTTP, upgrade and challenge together; these would say the same later.
    const http = {
      headersTimeout: 2 * handshakeMs,
      requestTimeout: 2 * handshakeMs,
      maxHeaderSize: 4_096,
      noDelay: true,
    }
    this.#server = options.tls === false ? createPlainServer(http) : this.#tlsServer(http, handshakeMs)
    this.#server.on("connection", (socket: Socket) => this.#strangers.add(socket))
    this.#server.on("clientError", (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Duplex) => {
      const isTls = error.code?.startsWith("ERR_SSL") // a wrong key shows only after the handshake's first half
      const name = peerName(socket as Socket)
      if (options.tls === false && error.rawPacket?.[0] === TLS_HANDSHAKE) {
        this.#turnAway(
          socket as Socket,
          "400 Bad Request",
          "http",
          "HTTP: TLS, and this port speaks none (`tls: false`)",
        )
        return
      }
      this.#strangers.refuse(name, isTls ? "tls" : "http", `${isTls ? "TLS" : "HTTP"}: ${error.code ?? error.message}`)
      socket.destroy()
    })
    this.#server.on("request", (request, response) => {
      const why = `not a WebSocket: ${request.method} ${request.url}`
      this.#strangers.refuse(peerName(request.socket), "http", why)
      response.writeHead(426, { connection: "close" }).end()
    })
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket as Socket, head))
  }

  #tlsServer(http: object, handshakeMs: number): Server {
    const server = createServer({
      ...pskServerOptions(
        identity => this.#options.keyOf(identity),
        (socket, identity) => this.#identities.set(socket, identity),
        (socket, identity) => this.#claims.set(socket, identity),
      ),
      ...http,
      handshakeTimeout: 2 * handshakeMs,
    })
    // First of the listeners: that of node:https passes the error on to 'clientError', as if it were one of HTTP.
    server.prependListener("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const name = peerName(socket)
      const claimed = this.#claims.get(socket) ?? this.#identities.get(socket)
      this.#strangers.refuse(name, "tls", `TLS: ${error.code ?? error.message}`, claimed)
      const plain = error.code === "ERR_SSL_HTTP_REQUEST" ? this.#strangers.socketOf(name) : undefined
      if (plain) plain.end(answer("426 Upgrade Required"), () => socket.destroy())
      else socket.destroy()
    })
    return server
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
    this.#strangers.close()
    this.#server.close()
  }

  #turnAway(socket: Socket, status: string, reason: RefusalReason, why: string): void {
    const claimed = this.#identities.get(socket)
    this.#strangers.refuse(peerName(socket), reason, why, claimed)
    socket.on("error", () => socket.destroy()) // the stranger may be gone before it reads this
    socket.end(answer(status), () => socket.destroy())
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const path = request.url?.split("?", 1)[0]
    const kind = path === CONTROL_PATH ? "control" : path === DATA_PATH ? "data" : undefined
    const refuse = (status: string, reason: RefusalReason, why: string) => this.#turnAway(socket, status, reason, why)
    // A browser always sends Origin, our runners never do: a page that guessed the port gets nowhere.
    if (request.headers.origin !== undefined) {
      return refuse("403 Forbidden", "origin", `Origin ${request.headers.origin}`)
    }
    const identity = this.#identities.get(socket)
    if (this.#options.tls !== false) {
      if (identity === undefined) return refuse("401 Unauthorized", "identity", "a socket without a proven identity")
      if (this.#options.keyOf(identity) === undefined) {
        return refuse("401 Unauthorized", "revoked", `revoked key of ${identity}`)
      }
    }
    if (kind === undefined) return refuse("404 Not Found", "path", `unknown path ${path}`)
    const offered = request.headers["sec-websocket-protocol"]?.split(",").map(p => p.trim()) ?? []
    if (!offered.includes(SUBPROTOCOL)) {
      return refuse("400 Bad Request", "subprotocol", `subprotocol ${offered.join() || "missing"}`)
    }
    this.#wss[kind].handleUpgrade(request, socket, head, ws => this.#onOpen(ws, socket, kind, identity))
  }

  /** @param identity Undefined without TLS: the peer has still to prove one. */
  #onOpen(ws: WebSocket, socket: Socket, kind: "control" | "data", identity: string | undefined): void {
    const from = peerName(socket)
    let accepted = false
    const greeted = limitBytes(socket, MAX_HELLO_BYTES, () => {
      const why = `more than ${MAX_HELLO_BYTES} bytes before the hello`
      if (accepted) this.#options.refused(refusal("flood", why, from))
      else this.#strangers.refuse(from, "flood", why)
      ws.terminate()
    })
    const proven = (by: string) => {
      accepted = true
      this.#strangers.settle(from)
      socket.unref() // a program ends when its work is done, not when its idle runners are gone
      const { localAddress = "", remoteAddress = "" } = socket
      this.#options.accept({ ws, identity: by, kind, localAddress, remoteAddress, greeted })
    }
    if (identity !== undefined) {
      proven(identity)
      return
    }
    const refused = (why: string, claimed?: string) => this.#strangers.refuse(from, "proof", why, claimed)
    askProof(ws, kind, id => this.#options.keyOf(id), { proven, refused })
  }
}
