/**
 * A network in memory, for tests of lines: pairs of connection ends whose messages wait until the test delivers, loses or cuts
 * them. Stands in for `Connection` alone; sockets have tests of their own. Knows the messages of a line only as far as to count them.
 */
import {
  ConnectionError,
  type FlameError,
  HandshakeError,
  isFlameError,
  ProtocolError,
} from "../../src/shared/errors.ts"
import type { Connection, ConnectionHandler, Packet } from "../../src/transport/connection.ts"
import { CloseCode, type ControlMessage } from "../../src/transport/protocol.ts"

/** What is on its way: a message, or the end as the other side will see it. */
type Item = { packet: Packet } | { end: FlameError; cut: boolean }

const RESUMABLE = new Set<number>([CloseCode.heartbeat, CloseCode.superseded])

export class FakeEnd {
  readonly wire: FakeWire
  peer!: FakeEnd
  /** On the way to this end. */
  readonly inbox: Item[] = []
  /** Nothing more arrives here, and nobody says so. */
  deaf = false
  /** Everything this end has sent, lost or not. */
  readonly sent: Packet[] = []
  /** With the kernel or not: what `Line.delivered` asks for. */
  buffered = 0
  closeCode: number | undefined
  #handler: ConnectionHandler
  #over = false

  constructor(wire: FakeWire, handler: ConnectionHandler) {
    this.wire = wire
    this.#handler = handler
  }

  /** As what the lines take it for: everything of a Connection that they use is here. */
  get connection(): Connection {
    return this as unknown as Connection
  }

  get open(): boolean {
    return !this.#over
  }

  get bytesRead(): number {
    return 0
  }

  handOver(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  tell(message: ControlMessage): void {
    this.send(JSON.stringify(message))
  }

  send(packet: Packet): void {
    if (this.#over) return
    this.sent.push(packet)
    this.#put({ packet })
  }

  together(fn: () => void): void {
    fn()
  }

  close(code: number, reason: FlameError): void {
    if (this.#over) return
    this.closeCode = code
    const peer = code === CloseCode.protocol ? ProtocolError : ConnectionError
    this.#put({ end: new peer(`the peer closed: ${reason.message}`), cut: RESUMABLE.has(code) })
    this.#finish(reason, false)
  }

  abort(reason: FlameError): void {
    if (this.#over) return
    this.#put({ end: new ConnectionError("the connection was cut"), cut: true })
    this.#finish(reason, true)
  }

  /** Takes the next of what is on its way here. False: there is nothing. */
  deliver(): boolean {
    const item = this.inbox.shift()
    if (!item) return false
    if (this.#over) return true
    if ("end" in item) {
      this.#finish(item.end, item.cut)
      return true
    }
    const { packet } = item
    try {
      if (typeof packet === "string") this.#handler.text(packet)
      else this.#handler.binary(Buffer.isBuffer(packet) ? [packet] : [packet[0], packet[1] as Buffer])
    } catch (error) {
      if (!isFlameError(error)) throw error // a test's own
      this.close(error instanceof HandshakeError ? CloseCode.refused : CloseCode.protocol, error)
    }
    return true
  }

  /** The network ends the connection here; the other end hears nothing of it. */
  cut(): void {
    this.#finish(new ConnectionError("the connection was cut"), true)
  }

  #put(item: Item): void {
    if (!this.peer.deaf) this.peer.inbox.push(item)
  }

  #finish(reason: FlameError, cut: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#handler.closed(reason, cut)
  }
}

export class FakeWire {
  readonly runner: FakeEnd
  readonly parent: FakeEnd

  constructor(runner: ConnectionHandler, parent: ConnectionHandler) {
    this.runner = new FakeEnd(this, runner)
    this.parent = new FakeEnd(this, parent)
    this.runner.peer = this.parent
    this.parent.peer = this.runner
  }
}
