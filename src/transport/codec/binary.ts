/** Binary leaves: bytes out of band, the kind of view in the JSON. Knows nothing of messages, markers or identity. */
import { types } from "node:util"
import { MAX_MESSAGE_BYTES } from "../protocol.ts"
import { tooLarge } from "./refusal.ts"

/** Makes the view on the whole of `buffer`, without copying. */
type Make = (buffer: ArrayBuffer) => ArrayBuffer | ArrayBufferView

interface Kind {
  readonly make: Make
  /** Bytes per element: a part that is no multiple of it is malformed. */
  readonly unit: number
}

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["ArrayBuffer", { make: b => b, unit: 1 }],
  ["Buffer", { make: b => Buffer.from(b), unit: 1 }],
  ["DataView", { make: b => new DataView(b), unit: 1 }],
  ...[
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    ...float16(),
  ].map((C): [string, Kind] => [C.name, { make: b => new C(b), unit: C.BYTES_PER_ELEMENT }]),
])

/** Float16Array exists from Node 24 on. */
function float16(): (typeof Float32Array)[] {
  const known = (globalThis as { Float16Array?: typeof Float32Array }).Float16Array
  return known === undefined ? [] : [known]
}

/** A binary value taken apart, or why it cannot be. */
export type Binary = { readonly kind: string; readonly bytes: Uint8Array } | { readonly refused: string }

/** The kind and the exact bytes of `value` (a view of the caller's memory), or undefined when it holds no bytes. */
export function takeBinary(value: object): Binary | undefined {
  const view = ArrayBuffer.isView(value)
  if (!view && !types.isAnyArrayBuffer(value)) return undefined
  const buffer = view ? value.buffer : value
  if (types.isSharedArrayBuffer(buffer)) {
    return {
      refused: `${view ? "a view of " : ""}a SharedArrayBuffer, memory that cannot be shared with another machine`,
    }
  }
  const kind = kindOf(value, view)
  if (kind === undefined || !KINDS.has(kind)) return { refused: "an unregistered subclass of a binary type" }
  try {
    // Throws for detached memory and for views that a shrunken buffer has left out of bounds; their own
    // byteLength would say 0, and an empty array would arrive where there was data.
    const memory = buffer as ArrayBuffer
    const bytes = view ? new Uint8Array(memory, value.byteOffset, value.byteLength) : new Uint8Array(memory)
    return { kind, bytes }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    // Node 20 makes no view of so much.
    if (buffer.byteLength > MAX_MESSAGE_BYTES) throw tooLarge(buffer.byteLength)
    return { refused: "on detached memory (it was transferred)" }
  }
}

function kindOf(value: object, view: boolean): string | undefined {
  const declared: unknown = Object.getPrototypeOf(value)?.constructor?.name
  // Buffer has several constructors (FastBuffer, for one) behind one prototype chain.
  if (Buffer.isBuffer(value)) return "Buffer"
  const actual = view ? ((value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "") : "ArrayBuffer"
  return declared === actual ? actual : undefined
}

/** The value for `kind` on `buffer` (not copied), or a sentence that says what is wrong. */
export function makeBinary(kind: string, buffer: ArrayBuffer): ArrayBuffer | ArrayBufferView | string {
  const known = KINDS.get(kind)
  if (known === undefined) return `an unknown binary type ${JSON.stringify(kind.slice(0, 40))}`
  if (buffer.byteLength % known.unit !== 0) return `${buffer.byteLength} bytes for a ${kind}`
  return known.make(buffer)
}
