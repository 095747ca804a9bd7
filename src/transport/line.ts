/**
 * A line between two processes that outlives its connections: every packet is numbered by its place, kept until the other
 * side has acknowledged it, and sent again over the next connection. Owns the numbers, what is kept, and the window; knows no
 * socket but the Connection it is given, and nothing of what a packet holds. Who makes the next connection, and how long to
 * wait for one, is its owner's business. docs/protocol.md section 3.
 */
import { setTimeout as delay } from "node:timers/promises"
import { type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Connection, ConnectionHandler, Packet } from "./connection.ts"
import { CloseCode } from "./protocol.ts"

export interface LineHandler {
  /** One packet of the peer: each exactly once, in order. Throwing ends the line. */
  text(data: string): void
  /** The same. True: something was completed, whose sender should hear at once that it has arrived. */
  binary(pieces: readonly Buffer[]): boolean
  /** There is more `credit` than before. */
  writable(): void
  /** The connection is gone; the line waits for another. */
  detached(reason: FlameError): void
  /** The line is over. Called once. */
  closed(reason: FlameError): void
}

/** Bytes of bulk data on their way: enough for a fast fabric, little enough that a small message is never far behind. */
const BULK_WINDOW = 512 * 1024
/** Bytes of anything on their way. What is sent beyond waits here until the peer has acknowledged some. */
const WINDOW = 8 * 1024 * 1024
/** The receiver acknowledges after so many packets or bytes. */
const ACK_PACKETS = 64
const ACK_BYTES = 128 * 1024

/** The messages that are not packets: `A<count>` acknowledges, `?` asks for that. */
const ACK = "A".charCodeAt(0)
const ASK = "?"

type State = "up" | "down" | "over"

export class Line {
  readonly #handler: LineHandler
  #state: State = "down"
  #connection: Connection | undefined
  /** Not acknowledged yet, in order; those before `#next` are on their way. */
  #kept: Packet[] = []
  /** Where the first kept one is in `#kept`: shifting an array for each acknowledgement would move all of it. */
  #first = 0
  #next = 0
  /** Number of the packet at `#first`. */
  #acknowledged = 0
  #bytesUnderWay = 0
  #received = 0
  #heard = false
  #owedPackets = 0
  #owedBytes = 0
  #drained: (() => void)[] = []

  constructor(handler: LineHandler) {
    this.#handler = handler
  }

  get up(): boolean {
    return this.#state === "up"
  }

  get over(): boolean {
    return this.#state === "over"
  }

  /** Packets of the peer that have arrived: what the other side needs to know to go on. */
  get received(): number {
    return this.#received
  }

  /** Packets of ours that the peer is known to have. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Everything that was sent is known to have arrived. */
  get settled(): boolean {
    return this.#first === this.#kept.length
  }

  /** Anything has come over it, be it no packet: the other side knows of this line. */
  get heard(): boolean {
    return this.#heard
  }

  /** Bytes of bulk data that may be sent now. */
  get credit(): number {
    return this.#state === "up" && this.#next === this.#kept.length ? BULK_WINDOW - this.#bytesUnderWay : 0
  }

  /** Bytes read from the connection, for those who listen whether anything comes at all. */
  get bytesRead(): number {
    return this.#connection?.bytesRead ?? 0
  }

  /** Sends a packet, now or over a connection to come. On a line that is over this does nothing. */
  send(packet: Packet): void {
    if (this.#state === "over") return
    this.#kept.push(packet)
    if (this.#state === "up") this.#transmit()
  }

  /** What `fn` sends goes to the kernel in one go. */
  together(fn: () => void): void {
    if (this.#connection) this.#connection.together(fn)
    else fn()
  }

  /**
   * Goes on over `connection`, which is over a greeting; one before it is dropped.
   * @param arrived How many of our packets the peer says have arrived.
   * @throws ProtocolError when that cannot be
   */
  attach(connection: Connection, arrived: number): void {
    if (this.#state === "over") throw new ProtocolError("the line is over")
    this.#acknowledge(arrived, this.#acknowledged + this.#next - this.#first)
    const before = this.#connection
    this.#connection = connection
    before?.close(CloseCode.superseded, new ProtocolError("another connection took its place"))
    connection.handOver(this.#handlerFor(connection))
    this.#next = this.#first
    this.#bytesUnderWay = 0
    this.#owedPackets = 0
    this.#owedBytes = 0
    this.#state = "up"
    this.#transmit()
    this.#handler.writable()
  }

  /** Tells the peer what has arrived although nothing asks for that: it hears that this side is there. */
  confirm(): void {
    this.#answer()
  }

  /** Drops the connection, as if it had been cut. */
  detach(reason: FlameError): void {
    this.#connection?.abort(reason)
  }

  /** Resolves when everything that was sent has arrived at the peer, or the line is over. */
  async drained(): Promise<void> {
    if (this.#state === "over" || this.#first === this.#kept.length) return
    await new Promise<void>(resolve => {
      this.#drained.push(resolve)
      this.ask()
    })
  }

  /**
   * Resolves when everything that was sent has arrived at the peer, or is with the kernel and the peer has not said so for
   * `patienceMs`: it may be busy, and will read it when this process is gone. Also when the line is over.
   */
  async delivered(patienceMs: number): Promise<void> {
    const arrived = this.drained()
    let waiting = true
    while (waiting && this.#state !== "over") {
      waiting = await Promise.race([arrived.then(() => false), delay(patienceMs, true, { ref: false })])
      if (this.#state === "up" && this.#next === this.#kept.length && this.#connection?.buffered === 0) return
    }
  }

  /** Ends the line: the peer is told over the connection, if there is one, and this side at once. */
  close(code: number, reason: FlameError): void {
    if (this.#state === "over") return
    const connection = this.#connection
    this.#finish(reason)
    connection?.close(code, reason)
  }

  /** The line is over although nobody could be told: it will not be resumed. */
  fail(reason: FlameError): void {
    if (this.#state === "over") return
    const connection = this.#connection
    this.#finish(reason)
    connection?.abort(reason)
  }

  #handlerFor(connection: Connection): ConnectionHandler {
    return {
      text: data => {
        if (this.#connection !== connection) return
        this.#heard = true
        if (data.charCodeAt(0) === ACK) this.#onAck(data)
        else if (data === ASK) this.#answer()
        else {
          this.#received += 1
          this.#handler.text(data)
          this.#owe(data.length)
        }
      },
      binary: pieces => {
        if (this.#connection !== connection) return
        this.#heard = true
        let bytes = 0
        for (const piece of pieces) bytes += piece.length
        this.#received += 1
        if (this.#handler.binary(pieces)) this.#answer()
        else this.#owe(bytes)
      },
      closed: (reason, cut) => {
        if (this.#connection !== connection) return
        this.#connection = undefined
        if (!cut) return this.#finish(reason)
        this.#state = "down"
        this.#handler.detached(reason)
      },
    }
  }

  #transmit(): void {
    const connection = this.#connection
    while (this.#next < this.#kept.length && this.#bytesUnderWay < WINDOW) {
      const packet = this.#kept[this.#next++]!
      this.#bytesUnderWay += sizeOf(packet)
      connection?.send(packet)
    }
    if (this.#drained.length > 0) this.ask()
  }

  #owe(bytes: number): void {
    this.#owedPackets += 1
    this.#owedBytes += bytes
    if (this.#owedPackets >= ACK_PACKETS || this.#owedBytes >= ACK_BYTES) this.#answer()
  }

  #answer(): void {
    this.#owedPackets = 0
    this.#owedBytes = 0
    this.#connection?.send(`A${this.#received}`)
  }

  /** Asks the peer to acknowledge what it has. */
  ask(): void {
    if (this.#state === "up" && this.#next === this.#kept.length) this.#connection?.send(ASK)
  }

  #onAck(data: string): void {
    const count = data.length > 1 ? Number(data.slice(1)) : Number.NaN
    this.#acknowledge(count, this.#acknowledged + this.#next - this.#first)
    if (this.#next < this.#kept.length) this.#transmit()
    this.#handler.writable()
  }

  /** The peer has all packets before number `arrived`. */
  #acknowledge(arrived: number, sent: number): void {
    if (!Number.isInteger(arrived) || arrived < this.#acknowledged || arrived > sent) {
      throw new ProtocolError(
        `the peer acknowledges ${arrived} packets; ${this.#acknowledged} to ${sent} would be right`,
      )
    }
    while (this.#acknowledged < arrived) {
      const packet = this.#kept[this.#first]!
      this.#bytesUnderWay -= sizeOf(packet)
      this.#kept[this.#first++] = ""
      this.#acknowledged += 1
      if (typeof packet !== "string" && !Buffer.isBuffer(packet)) packet[2]?.()
    }
    if (this.#first > 1_024 || this.#first === this.#kept.length) {
      this.#kept.splice(0, this.#first)
      this.#next -= this.#first
      this.#first = 0
    }
    if (this.#first === this.#kept.length) for (const resolve of this.#drained.splice(0)) resolve()
  }

  #finish(reason: FlameError): void {
    if (this.#state === "over") return
    this.#state = "over"
    this.#connection = undefined
    this.#kept = []
    this.#first = 0
    this.#next = 0
    for (const resolve of this.#drained.splice(0)) resolve()
    this.#handler.closed(reason)
  }
}

/** Bytes of a packet, near enough for a window: text counts by its characters. */
function sizeOf(packet: Packet): number {
  if (typeof packet === "string" || Buffer.isBuffer(packet)) return packet.length
  return packet[0].length + packet[1].byteLength
}
