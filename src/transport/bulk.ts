/**
 * One message that is too large for one packet, on its way out. Owns its memory and how far it has been sent; knows no channel
 * but by number. Outbox decides whose turn it is.
 */
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

  /** @param buffers Memory that nobody changes until it has been sent. */
  constructor(buffers: readonly Uint8Array[]) {
    this.#buffers = buffers
    this.#skipEmpty()
  }

  get lengths(): number[] {
    return this.#buffers.map(b => b.byteLength)
  }

  get done(): boolean {
    return this.#at === this.#buffers.length
  }

  /** The next piece, as a packet. */
  next(): [header: Buffer, body: Uint8Array] {
    this.#header ??= pieceHeader(this.id)
    const buffer = this.#buffers[this.#at]!
    const body = buffer.subarray(this.#offset, this.#offset + PIECE_BYTES)
    this.#offset += body.byteLength
    this.#skipEmpty()
    return [this.#header, body]
  }

  #skipEmpty(): void {
    while (!this.done && this.#offset === this.#buffers[this.#at]!.byteLength) {
      this.#at += 1
      this.#offset = 0
    }
  }
}
