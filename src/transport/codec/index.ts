/**
 * Values to bytes and back, losing nothing or refusing with the path: plain JSON where that is enough, markers for what JSON
 * has no word for, bytes out of band. The door of the codec; see tags.ts for what is on the wire.
 */

export type { AnyClass, RegisteredType } from "../types-registry.ts"
export { registerClass, registerType } from "../types-registry.ts"
export { decode, decodeTree } from "./decode.ts"
export { encode } from "./encode.ts"
export type { Encoded, Lower, Part, Raise } from "./types.ts"
