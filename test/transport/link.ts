/**
 * Two ends of a real connection in one process: a Listener, a dialled WebSocket over TLS-PSK, and a Session on either side,
 * joined the way the parent and the worker join them. Knows no runner and no pool.
 */
import { randomUUID } from "node:crypto"
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import { type FlameError, HandshakeError, ProtocolError } from "../../src/shared/errors.ts"
import { Connection } from "../../src/transport/connection.ts"
import { dial } from "../../src/transport/dial.ts"
import { Line } from "../../src/transport/line.ts"
import { type AcceptedPeer, Listener, type ListenerOptions } from "../../src/transport/listener.ts"
import { type ControlMessage, PROTOCOL_VERSION, parseControl } from "../../src/transport/protocol.ts"
import { newKey } from "../../src/transport/psk.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer, type RpcTarget } from "../../src/transport/rpc-server.ts"
import { Session } from "../../src/transport/session.ts"
import type { Refusal, RefusalReason } from "../../src/transport/strangers.ts"

export const HOST = "127.0.0.1"

export interface Side {
  readonly ws: WebSocket
  readonly session: Session
  readonly connection: Connection
  readonly line: Line
  /** Why the connection ended, once it has. */
  readonly over: Promise<FlameError>
  /** What `callbackFailed` heard. */
  readonly failures: unknown[]
}

export interface Link {
  readonly parent: Side
  readonly runner: Side
}

export function deferred<T = void>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** A listener with keys, and a record of whom it turned away. */
export class TestHub {
  readonly keys = new Map<string, Buffer>()
  readonly refusals: Refusal[] = []
  /** False: its listener and its links do without TLS. */
  tls = true
  readonly #waiting: { pattern: RegExp | RefusalReason; resolve: (why: string) => void }[] = []
  readonly #accept = new Map<string, (peer: AcceptedPeer) => void>()
  readonly #sockets = new Set<WebSocket>()
  listener!: Listener

  static async open(options: Partial<ListenerOptions> = {}): Promise<TestHub> {
    const hub = new TestHub()
    hub.tls = options.tls ?? true
    hub.listener = await Listener.listen({
      host: HOST,
      keyOf: identity => hub.keys.get(identity),
      accept: peer => {
        hub.#sockets.add(peer.ws)
        const accept = hub.#accept.get(peer.identity)
        if (accept) accept(peer)
        else peer.ws.terminate()
      },
      refused: event => hub.#refused(event),
      ...options,
    })
    return hub
  }

  get port(): number {
    return this.listener.port
  }

  /** A key for `identity`, and what happens when somebody comes with it. */
  admit(identity: string, accept: (peer: AcceptedPeer) => void): Buffer {
    const key = newKey()
    this.keys.set(identity, key)
    this.#accept.set(identity, accept)
    return key
  }

  /** What was said of the first refusal, past or to come, that matches; it is taken off the record. */
  refusal(pattern: RegExp | RefusalReason): Promise<string> {
    const at = this.refusals.findIndex(event => fits(event, pattern))
    if (at >= 0) return Promise.resolve(this.refusals.splice(at, 1)[0]!.why)
    return new Promise(resolve => this.#waiting.push({ pattern, resolve }))
  }

  /** Both ends of a new connection, greeted. */
  async link(): Promise<Link> {
    const identity = randomUUID()
    const parent = deferred<Side>()
    const key = this.admit(identity, peer => acceptData(peer).then(parent.resolve, parent.reject))
    const ws = await dial({ host: HOST, port: this.port, kind: "data", identity, key, tls: this.tls })
    const runner = await greetParent(ws)
    return { parent: await parent.promise, runner }
  }

  /**
   * The parent's end of a connection whose other end says whatever the test sends. The hello has been said and answered.
   */
  async stranger(): Promise<{ parent: Side; ws: WebSocket }> {
    const identity = randomUUID()
    const parent = deferred<Side>()
    const key = this.admit(identity, peer => acceptData(peer).then(parent.resolve, parent.reject))
    const ws = await dial({ host: HOST, port: this.port, kind: "data", identity, key, tls: this.tls })
    ws.on("error", () => {}) // a test that breaks the line hears of it by 'close'
    ws.send(JSON.stringify(hello))
    return { parent: await parent.promise, ws }
  }

  /** The parent's end of an accepted data connection, once the peer has said hello. */
  acceptData(peer: AcceptedPeer): Promise<Side> {
    return acceptData(peer)
  }

  close(): void {
    this.listener.close()
    for (const ws of this.#sockets) ws.terminate()
  }

  #refused(event: Refusal): void {
    const at = this.#waiting.findIndex(w => fits(event, w.pattern))
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(event.why)
    else this.refusals.push(event)
  }
}

const welcome = {
  t: "welcome",
  v: PROTOCOL_VERSION,
  line: "l",
  heartbeatMs: 5_000,
  reconnectMs: 0,
  module: "m",
  source: "m",
  maxConcurrency: 1,
  poolName: "p",
} as const

const fits = ({ reason, why }: Refusal, wanted: RegExp | RefusalReason) =>
  typeof wanted === "string" ? reason === wanted : wanted.test(why)

export const hello = { t: "hello", v: PROTOCOL_VERSION, runnerId: "r", pid: 1, generation: 0 } as const

function side(ws: WebSocket, name: "parent" | "runner", onHello: (m: ControlMessage, side: Side) => void): Side {
  const over = deferred<FlameError>()
  const failures: unknown[] = []
  const ended = (reason: FlameError) => {
    session.fail(reason)
    over.resolve(reason)
  }
  const connection = new Connection(ws, name === "runner", {
    text: data => onHello(parseControl(data, "data"), result),
    binary() {
      throw new ProtocolError("a binary message before the hello was answered")
    },
    closed: ended,
  })
  const line: Line = new Line({
    text: data => session.text(data),
    binary: pieces => session.binary(pieces),
    writable: () => session.pump(),
    detached: reason => line.fail(reason), // nobody makes another connection here
    closed: ended,
  })
  const session: Session = new Session(name, line, error => failures.push(error))
  const result: Side = { ws, session, connection, line, over: over.promise, failures }
  return result
}

/** The parent's end, once the peer has said hello. */
function acceptData(peer: AcceptedPeer): Promise<Side> {
  return new Promise((resolve, reject) => {
    const made = side(peer.ws, "parent", (message, self) => {
      if (message.t !== "hello") throw new ProtocolError(`"${message.t}" out of order`)
      if (message.v !== PROTOCOL_VERSION) throw new HandshakeError(`the runner speaks protocol ${message.v}`)
      peer.greeted()
      self.connection.greet()
      self.connection.tell(welcome)
      self.line.attach(self.connection, 0)
      resolve(self)
    })
    void made.over.then(reject)
  })
}

function greetParent(ws: WebSocket): Promise<Side> {
  return new Promise((resolve, reject) => {
    const made = side(ws, "runner", (message, self) => {
      if (message.t !== "welcome") throw new ProtocolError(`"${message.t}" out of order`)
      self.line.attach(self.connection, 0)
      resolve(self)
    })
    void made.over.then(reject)
    made.connection.tell(hello)
  })
}

type Api = Record<string, (...args: any[]) => unknown>

/** Serves functions on the root channel. `signalOf` tells the signal that the last call of a function got. */
export function serve(side: Side, api: Api): { signals: AbortSignal[]; open: () => number } {
  const signals: AbortSignal[] = []
  let open = 0
  const target: RpcTarget = {
    begin() {
      open += 1
    },
    end() {
      open -= 1
    },
    apply(path, args, request) {
      signals.push(request.signal)
      const name = path.join(".")
      if (!Object.hasOwn(api, name)) throw new RangeError(`no function ${name}`)
      return api[name]!(...args)
    },
    get: path => `value of ${path.join(".")}`,
  }
  new RpcServer(side.session.root, target)
  return { signals, open: () => open }
}

/** The calling end on the root channel, as promises. */
export class Caller {
  readonly client: RpcClient
  /** The id of the request sent last. */
  lastId = 0

  constructor(side: Side) {
    this.client = new RpcClient(side.session.root)
  }

  /** Calls `name`. The promise settles with the answer. */
  call(name: string, ...args: unknown[]): Promise<any> {
    return this.track(name, ...args).answer
  }

  /** `answer` as with `call`; `done` resolves when the call and its streams are over. */
  track(name: string, ...args: unknown[]): { answer: Promise<any>; done: Promise<void>; id: number } {
    const done = deferred()
    let id = 0
    const answer = new Promise((resolve, reject) => {
      id = this.client.apply(name.split("."), args, { resolve, reject, done: done.resolve })
      this.lastId = id
    })
    return { answer, done: done.promise, id }
  }

  get(name: string): Promise<any> {
    return new Promise((resolve, reject) => this.client.get([name], { resolve, reject, done() {} }))
  }
}

/** What rejected `promise`; fails when it resolved. */
export async function thrownBy(promise: Promise<unknown>): Promise<any> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error("it did not throw")
}

/** Resolves when a socket is closed, however that came about. */
export function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.on("error", () => {})
    socket.once("close", () => resolve())
  })
}

/** How a WebSocket ended. */
export function closing(ws: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise(resolve => ws.once("close", (code, reason) => resolve({ code, reason: reason.toString() })))
}

/** 100 calls that are open while a stranger comes. What is returned answers them, and fails when one was disturbed. */
export async function busy(hub: TestHub): Promise<() => Promise<void>> {
  const link = await hub.link()
  const gate = deferred()
  const arrived = deferred()
  let open = 0
  serve(link.runner, {
    wait: async i => {
      if (++open === 100) arrived.resolve()
      await gate.promise
      return i
    },
  })
  const caller = new Caller(link.parent)
  const calls = Array.from({ length: 100 }, (_, i) => caller.call("wait", i))
  await arrived.promise
  return async () => {
    gate.resolve()
    for (const [i, answer] of (await Promise.all(calls)).entries()) {
      if (answer !== i) throw new Error(`call ${i} was answered with ${answer}`)
    }
  }
}
