/** The shapes at the codec's seams: what it makes, and how live values pass by it. Types only. */
import type { Json } from "../../shared/json.ts"

/** The bytes of one binary value. */
export interface Part {
  readonly bytes: Uint8Array
  /**
   * True: the caller gave the memory away with `transfer()`, it is the message's alone, and may be sent as it is. False: it is a
   * view of the caller's own memory: send or copy it before the caller may change it.
   */
  readonly owned: boolean
}

/** JSON text plus binary parts out of band. */
export interface Encoded {
  readonly json: string
  /** False: `json` is plain JSON of the value. True: it holds markers. */
  readonly rich: boolean
  /** Exactly the bytes to send, in the order the JSON counts them. */
  readonly parts: readonly Part[]
}

/**
 * Called for live values: functions, proxy-marked objects, iterators and anything else of a class the codec does not know.
 * Returns the JSON that stands for it, or undefined: refused. `path` tells where it is and is valid during the call only.
 */
export type Lower = (value: object, path: () => string) => Json | undefined

/** Says of each object, before anything else is asked of it, whether it is live. */
export type Refers = (value: object) => boolean

/** Makes a live value from what `Lower` returned on the other side. Throws ProtocolError for what it never returned. */
export type Raise = (ref: Json) => unknown
