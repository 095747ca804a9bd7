/**
 * One end of a line whose other end is hostile: a Connection on a WebSocket that is none, a Line, and a Session with work under
 * way on it, joined as the parent and the worker join them. What it sends is kept for the attacker to react to.
 */
import { EventEmitter } from "node:events"
import { MessageChannel } from "node:worker_threads"
import { expose, wrap } from "comlink"
import type { WebSocket } from "ws"
import { resolveExport, resolveFunction } from "../../src/runner/worker/exports.ts"
import type { FlameError } from "../../src/shared/errors.ts"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { Connection } from "../../src/transport/connection.ts"
import { Line } from "../../src/transport/line.ts"
import { parseControl } from "../../src/transport/protocol.ts"
import { proxy } from "../../src/transport/proxy.ts"
import { RemoteObject } from "../../src/transport/remote-object.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { Session } from "../../src/transport/session.ts"
import { RemoteStreamImpl } from "../../src/transport/stream.ts"
import type { Side } from "./grammar.ts"

const noop = (): void => {}

/** A WebSocket as far as Connection uses one. */
export class FakeSocket extends EventEmitter {
  binaryType = "fragments"
  readonly bufferedAmount = 0
  readonly sent: (string | Uint8Array)[] = []

  send(data: string | Uint8Array): void {
    this.sent.push(data)
  }
  ping(): void {}
  /** As with a real one, its end is told later; Connection has told it by then. */
  close(): void {}
  terminate(): void {}
  /** What the peer said. */
  say(packet: string | Buffer): void {
    if (typeof packet === "string") this.emit("message", Buffer.from(packet), false)
    else this.emit("message", packet.length > 40 ? [packet.subarray(0, 20), packet.subarray(20)] : [packet], true)
  }
}

/** What the victim offers; everything else is out of reach. */
function api(): object {
  const own = Object.assign(Object.create(null) as Record<string, unknown>, {
    // A function that made text of what it got would be a peer's to stop: that is its own affair.
    add: (a: unknown, b: unknown) => (typeof a === "number" && typeof b === "number" ? a + b : 0),
    echo: (...args: unknown[]) => args,
    late: async (f: unknown) => (typeof f === "function" ? await f(1) : f),
    stream: async function* () {
      yield 1
      yield 2
    },
    object: () => ({ f: () => 1, n: 1, closed: new Promise(() => {}), [Symbol.dispose]() {} }),
    fail: () => {
      throw new Error("it failed")
    },
    ns: Object.freeze({ f: () => 1 }),
    data: Object.freeze({ x: 1 }),
    list: [1, 2],
    Class: class {
      made = 0
    },
  })
  return Object.freeze(own)
}

async function* numbers(): AsyncGenerator<number> {
  for (let i = 0; i < 20; i++) yield i
}

export class Victim {
  readonly ws = new FakeSocket()
  readonly connection: Connection
  readonly session: Session
  /** Why it is over, once it is. */
  over: FlameError | undefined
  readonly failures: unknown[] = []

  constructor(readonly side: Side) {
    const line = new Line({
      text: data => {
        if (data.startsWith("{")) parseControl(data, "data")
        else this.session.text(data)
      },
      binary: pieces => this.session.binary(pieces),
      writable: () => this.session.pump(),
      detached: reason => line.fail(reason),
      closed: reason => {
        this.over = reason
        this.session.fail(reason)
      },
    })
    this.connection = new Connection(this.ws as unknown as WebSocket, true, {
      text: noop,
      binary: noop,
      closed: noop,
    })
    this.session = new Session(side, line, error => this.failures.push(error))
    line.attach(this.connection, 0)
    if (side === "parent") this.#call()
    else this.#serve()
  }

  end(reason: FlameError): void {
    this.connection.abort(reason)
  }

  /** A parent with calls under way: callbacks, a stream, a proxy, a signal, a port and a large array in their arguments. */
  #call(): void {
    const client = new RpcClient(this.session.root)
    const waiter = (resolve: (value: unknown) => void = noop) => ({ resolve, reject: noop, done: noop })
    const { port1, port2 } = new MessageChannel()
    port1.unref()
    const served = proxy({
      list: [1],
      add: (a: number) => a,
    })
    const signal = new AbortController()
    client.apply(["a"], [(x: unknown) => x, numbers(), signal.signal], waiter(use))
    client.apply(["b"], [served, port2], waiter(use))
    client.apply(["c"], [1], waiter(use))
    client.apply(["d"], [2], waiter(use))
    client.get(["e"], waiter(use))
    client.apply(["f"], [new Uint8Array(70_000)], waiter())
    const remote = wrap<Record<string, (...args: unknown[]) => Promise<unknown>>>(
      new ComlinkPort(this.session.raw) as never,
    )
    remote.x!(1).then(use, noop)
    remote.y!(proxy({ a: 1 })).then(use, noop)
  }

  /** A worker that serves, and has a callback and a stream of the parent's when it gets them. */
  #serve(): void {
    const module = api()
    new RpcServer(this.session.root, {
      apply: (path, args) => {
        const { fn, parent } = resolveFunction(module, path)
        return fn.apply(parent, args as unknown[])
      },
      get: path => resolveExport(module, path).value,
    })
    expose(module, new ComlinkPort(this.session.raw, true, module) as never)
  }
}

/** A program that does with an answer what programs do: reads streams, calls functions, awaits. */
function use(value: unknown): void {
  visit(value, 0)
}

function visit(value: unknown, depth: number): void {
  if (depth > 3 || value === null || (typeof value !== "object" && typeof value !== "function")) return
  if (typeof value === "function") {
    // Comlink's proxies and our callbacks alike: a call whose promise is looked after.
    Promise.resolve((value as (x: number) => unknown)(1)).catch(noop)
  } else if (value instanceof RemoteObject) {
    value.client.apply(["f"], [1], { resolve: noop, reject: noop, done: noop })
    void value.letGo()
  } else if (value instanceof RemoteStreamImpl) {
    void read(value).catch(noop)
  } else {
    for (const inner of Object.values(value).slice(0, 5)) visit(inner, depth + 1)
  }
}

async function read(stream: AsyncGenerator<unknown>): Promise<void> {
  await stream.next()
  void stream.next().catch(noop)
  await stream.return(1)
}
