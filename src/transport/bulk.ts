/**
 * One message that is too large for one packet, on its way out. Owns its memory and how far it has been sent; knows no channel
 * but by number. Outbox decides whose turn it is.
 */
import type { Packet } from "./connection.ts"
import { PIECE_BYTES, pieceHeader } from "./packet.ts"

export class Bulk {
  /** The number of its pieces; given when it begins. */
  id = 0
  /** Called once when nothing of it is left to send, or it was abandoned. */
  onGone: (() => void) | undefined
  #header: Buffer | undefined
  readonly #buffers: readonly Uint8Array[]
  #at = 0
  #offset = 0

  readonly #arrived: () => void

  /**
   * @param buffers Memory that nobody changes until it has been sent.
   * @param arrived Called when all of it is with the other side, and the memory is needed no more.
   */
  constructor(buffers: readonly Uint8Array[], arrived: () => void) {
    this.#buffers = buffers
    this.#arrived = arrived
    this.#skipEmpty()
  }

  get lengths(): number[] {
    return this.#buffers.map(b => b.byteLength)
  }

  get done(): boolean {
    return this.#at === this.#buffers.length
  }

  /** The next piece, as a packet. */
  next(): Packet {
    this.#header ??= pieceHeader(this.id)
    const buffer = this.#buffers[this.#at]!
    const body = buffer.subarray(this.#offset, this.#offset + PIECE_BYTES)
    this.#offset += body.byteLength
    this.#skipEmpty()
    return this.done ? [this.#header, body, this.#arrived] : [this.#header, body]
  }

  #skipEmpty(): void {
    while (!this.done && this.#offset === this.#buffers[this.#at]!.byteLength) {
      this.#at += 1
      this.#offset = 0
    }
  }
}
