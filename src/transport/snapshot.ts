/**
 * A value as it was at one moment, written down by the codec: what is done to the value afterwards does not change it. Owns the bytes; knows
 * neither why it is kept nor for how long.
 */
import { createHash } from "node:crypto"
import { decode, encode } from "./codec/index.ts"

export class Snapshot {
  /** What it takes in memory, near enough. */
  readonly bytes: number
  readonly #json: string
  readonly #rich: boolean
  readonly #parts: readonly ArrayBuffer[]

  /** @param root What the value is, for messages. @throws NotSerializableError for what cannot be copied, live values among it */
  constructor(value: unknown, root = "result") {
    // What `transfer()` marked is left with its owner, who sends it once more.
    const { json, rich, parts } = encode(value, undefined, root, false)
    this.#json = json
    this.#rich = rich
    this.#parts = parts.map(({ bytes }) => copyOf(bytes))
    this.bytes = 2 * json.length + this.#parts.reduce((sum, part) => sum + part.byteLength, 0)
  }

  /** Equal values have equal ones. */
  get digest(): string {
    const hash = createHash("sha256").update(this.#json)
    for (const part of this.#parts) hash.update(new Uint8Array(part))
    return hash.digest("hex")
  }

  /** The value again; a new one each time. */
  value(): unknown {
    return decode(
      this.#json,
      this.#rich,
      this.#parts.map(part => part.slice(0)),
    )
  }

  /** The value itself, with the memory that holds its bytes: nothing is copied, and the snapshot is used up. */
  take(): { readonly value: unknown; readonly memory: readonly ArrayBuffer[] } {
    return { value: decode(this.#json, this.#rich, this.#parts), memory: this.#parts }
  }
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength)
  new Uint8Array(copy).set(bytes)
  return copy
}
