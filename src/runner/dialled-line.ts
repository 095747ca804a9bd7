/**
 * A line to the parent, as its dialling end: makes the first connection, and another whenever one is cut. Owns the attempts
 * and their limits; knows nothing of what is said on the line.
 */
import { setTimeout as delay } from "node:timers/promises"
import type { WebSocket } from "ws"
import type { Endpoint } from "../shared/address.ts"
import {
  ConnectionError,
  type FlameError,
  HandshakeError,
  HostError,
  isFlameError,
  ProtocolError,
} from "../shared/errors.ts"
import { Connection } from "../transport/connection.ts"
import { isRefused } from "../transport/dial.ts"
import { isFenced } from "../transport/fenced.ts"
import { Line, type LineHandler } from "../transport/line.ts"
import { CloseCode, type ControlMessage, PROTOCOL_VERSION, parseControl, type Resume } from "../transport/protocol.ts"
import { ParentRoutes } from "./parent-routes.ts"
import type { ParentSeeker } from "./parent-seeker.ts"

type Welcome = Extract<ControlMessage, { t: "welcome" }>

/** Where the parent is, and who this runner is to it. */
export interface ParentAddress {
  /** In the order in which to try; at least one. */
  readonly addresses: readonly Endpoint[]
  readonly tls: boolean
  readonly runnerId: string
  /** In base64. */
  readonly key: string
  /** Addresses of this node to dial from, where one fits; else whatever the route gives. */
  readonly from: readonly string[]
}

export interface DialledLineOptions<W extends Welcome> {
  readonly kind: "control" | "data"
  readonly parent: ParentAddress
  /** Where the parent may be else, if the pool persists: it is looked for there, and for longer. */
  readonly seeker?: ParentSeeker | undefined
  /** What this process says of itself in its hello; asked for each. */
  about(): { readonly incarnation?: number | undefined } & (
    | { readonly jobId: string; readonly node: string; readonly generation?: number; readonly clock?: number }
    | { readonly generation: number }
  )
  /** The first attempt failed for want of a network; others follow. */
  unreached?(error: HostError): void
  /** What comes over the line; `up` is called with each connection but the first. */
  handlerFor(
    welcome: W,
    line: Line,
  ): Pick<LineHandler, "text" | "binary" | "writable" | "closed"> & {
    up(connection: Connection): void
  }
}

/** A node may come up before its network does. */
const FIRST_FOR_MS = 30_000
/** One attempt. Short: while a link is down, what is sent is lost, and only a new attempt shows that it is back. */
const ATTEMPT_MS = 3_000
const FIRST_ATTEMPT_MS = 10_000
/** Nobody listens: the parent is gone. A few tries rule out that its host only just came back. */
const REFUSALS = 3
const RETRY_MS = 100
const MAX_RETRY_MS = 1_000

export class DialledLine<W extends Welcome> {
  readonly line: Line
  readonly welcome: W
  readonly connection: Connection
  readonly #options: DialledLineOptions<W>
  readonly #routes: ParentRoutes
  readonly #up: (connection: Connection) => void
  #current: Connection
  #redialling = false

  private constructor(options: DialledLineOptions<W>, routes: ParentRoutes, connection: Connection, welcome: W) {
    this.#options = options
    this.#routes = routes
    this.welcome = welcome
    this.connection = connection
    this.#current = connection
    this.line = new Line({
      text: data => handler.text(data),
      binary: pieces => handler.binary(pieces),
      writable: () => handler.writable(),
      closed: reason => handler.closed(reason),
      detached: reason => void this.#redial(reason, () => true),
    })
    const handler = options.handlerFor(welcome, this.line)
    this.#up = connection => handler.up(connection)
    this.line.attach(connection, 0)
    this.line.confirm() // from now on nobody can begin this line anew
  }

  /**
   * Dials until the parent answers.
   * @throws HostError, HandshakeError, ConnectionError when it does not
   */
  static async open<W extends Welcome>(options: DialledLineOptions<W>): Promise<DialledLine<W>> {
    const { seeker } = options
    const check = (m: ControlMessage) => {
      if (m.t !== "welcome") throw new ProtocolError(`"${m.t}" where a welcome must be`)
      if (m.v !== PROTOCOL_VERSION)
        throw new HandshakeError(`the parent speaks protocol ${m.v}, this runner ${PROTOCOL_VERSION}`)
      seeker?.welcomed(m.epoch)
      return m as W
    }
    const { addresses, from } = options.parent
    const routes = new ParentRoutes(addresses, from, seeker)
    const take = (connection: Connection, welcome: W) => new DialledLine(options, routes, connection, welcome)
    // Where another parent may come at any time, an attempt must not take long.
    const attemptMs = seeker ? ATTEMPT_MS : FIRST_ATTEMPT_MS
    let tries = 0
    const attempt = async () => {
      try {
        return await greet(await dialParent(routes, options, attemptMs), options, undefined, check, take)
      } catch (error) {
        if (tries++ === 0 && error instanceof HostError && !isRefused(error)) options.unreached?.(error)
        throw error
      }
    }
    if (!seeker) return await patiently(within(FIRST_FOR_MS), attempt)
    const inTime = within(seeker.forMs)
    return await patiently(() => inTime() && !seeker.over, attempt, true)
  }

  /** Where the parent is, the address that led there last first. */
  get addresses(): readonly Endpoint[] {
    return this.#routes.addresses
  }

  /** Asks the parent over the connection that there is now; `alive` is called if it answers. */
  probe(alive: () => void): void {
    this.#current.ping("", alive)
  }

  /** Asks the parent over the connection that there is now. @param answered Called when the answer to this very question is here. */
  ask(words: string, answered: () => void): void {
    this.#current.ask(words, answered)
  }

  /**
   * Makes another connection although this one is not known to be cut, and drops it only when the other is there: the parent
   * may be slow, and not away.
   * @param wanted Asked before each attempt, and when the other connection is there.
   */
  relink(reason: FlameError, wanted: () => boolean): void {
    void this.#redial(reason, wanted)
  }

  async #redial(reason: FlameError, wanted: () => boolean): Promise<void> {
    if (this.#redialling) return
    this.#redialling = true
    const { line, welcome } = this
    // Counted from the cut: for how long another connection was wished for while this one was up does not matter.
    let inTime = within(welcome.reconnectMs)
    const again = () => {
      if (line.up) inTime = within(welcome.reconnectMs)
      return inTime() && !line.over && (!line.up || wanted())
    }
    let superseded = false
    try {
      await patiently(again, async () => {
        superseded = (await this.#options.seeker?.superseded()) ?? false
        if (superseded) throw new HandshakeError("another parent has taken the pool")
        const ws = await dialParent(this.#routes, this.#options, ATTEMPT_MS)
        if (line.over || (line.up && !wanted())) {
          ws.on("error", () => {}) // whatever becomes of it now is no news
          ws.close(CloseCode.bye, "not needed")
          return
        }
        line.detach(reason) // from here on what comes over the old one would come twice
        const resume = { line: welcome.line, received: line.received }
        await greet(ws, this.#options, resume, checkResumed, (connection, { received }) => {
          if (line.over) throw new ConnectionError("the line has ended meanwhile")
          this.#current = connection
          line.attach(connection, received)
          this.#up(connection)
        })
      })
    } catch (error) {
      if (line.up && !superseded) return // the old connection has proved to be alive
      const why = `${reason.message}, and no other could be made: ${(error as Error).message}`
      line.fail(new ConnectionError(why, { cause: error }))
    } finally {
      this.#redialling = false
    }
    // Cut before the attempt was over: nobody was listening for that.
    if (!line.up && !line.over)
      await this.#redial(new ConnectionError("the new connection was cut at once"), () => true)
  }
}

function checkResumed(m: ControlMessage) {
  if (m.t !== "resumed") throw new ProtocolError(`"${m.t}" where the answer to a resumption must be`)
  return m
}

async function dialParent<W extends Welcome>(
  routes: ParentRoutes,
  { kind, parent }: DialledLineOptions<W>,
  timeoutMs: number,
): Promise<WebSocket> {
  const { tls, runnerId: identity } = parent
  return await routes.dial({ tls, kind, identity, key: Buffer.from(parent.key, "base64"), timeoutMs })
}

/** Says hello, and hands the connection over in the turn in which the answer comes. */
async function greet<W extends Welcome, M, R>(
  ws: WebSocket,
  options: DialledLineOptions<W>,
  resume: Resume | undefined,
  check: (message: ControlMessage) => M,
  take: (connection: Connection, answer: M) => R,
): Promise<R> {
  return await new Promise((resolve, reject) => {
    const connection = new Connection(ws, true, {
      text: data => {
        clearTimeout(timer)
        resolve(take(connection, check(parseControl(data, options.kind))))
      },
      binary() {
        throw new ProtocolError("a binary message before the answer to the hello")
      },
      closed: reason => {
        clearTimeout(timer)
        reject(reason)
      },
    })
    const timer = setTimeout(
      () => connection.abort(new ConnectionError("the parent did not answer the hello")),
      resume ? ATTEMPT_MS : FIRST_FOR_MS,
    )
    const { runnerId } = options.parent
    const epoch = options.seeker?.epoch
    const hello = { t: "hello", v: PROTOCOL_VERSION, runnerId, pid: process.pid, ...options.about() } as const
    connection.tell({ ...hello, ...(epoch !== undefined && { epoch }), ...(resume && { resume }) })
  })
}

/** True for the next `ms`. */
function within(ms: number): () => boolean {
  const until = performance.now() + ms
  return () => performance.now() <= until
}

/**
 * Tries again what fails for want of a network, as long as `again` says so and there is sense in it.
 * @param whoever There is sense in it whatever the other end says: it may be somebody else's by now, and the parent elsewhere.
 */
async function patiently<R>(again: () => boolean, attempt: () => Promise<R>, whoever = false): Promise<R> {
  let pause = RETRY_MS
  for (let refusals = 0; ; ) {
    try {
      return await attempt()
    } catch (error) {
      if (isRefused(error)) refusals += 1
      const final = error instanceof HandshakeError || error instanceof ProtocolError || !isFlameError(error)
      const closed = (error as { closeCode?: number }).closeCode
      const ended = closed !== undefined && closed !== 1006
      const senseless = whoever ? !isFlameError(error) || isFenced(error) : final || ended || refusals >= REFUSALS
      if (senseless || !again()) throw error
    }
    await delay(pause)
    pause = Math.min(MAX_RETRY_MS, 2 * pause)
  }
}
