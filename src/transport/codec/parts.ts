/** The binary parts of a message that is complete: moved or left. Knows no value and no marker. */
import { MAX_MESSAGE_BYTES } from "../protocol.ts"
import { isMarked, takeMemory } from "../transfer.ts"
import type { Part } from "./types.ts"

const NONE: readonly Part[] = []

/** Parts that are all views of the caller's memory, marked by `transfer()` or not. */
export function leaveParts(views: readonly Uint8Array[]): readonly Part[] {
  return views.length === 0 ? NONE : views.map(bytes => ({ bytes, owned: false }))
}

/**
 * Parts whose memory is taken from the caller where `transfer()` marked it. No other place detaches anything, so nothing is
 * detached for a message that was refused; nor for one that is too large, which is refused when it is sent.
 * @param jsonLength characters of JSON that go with them
 */
export function moveParts(views: readonly Uint8Array[], jsonLength: number): readonly Part[] {
  if (!views.some(isMoving)) return leaveParts(views)
  // A character takes up to three bytes, a part up to 16 besides its own. An estimate too high costs a copy.
  const size = views.reduce((sum, { byteLength }) => sum + byteLength + 16, 3 * jsonLength)
  if (size > MAX_MESSAGE_BYTES) return leaveParts(views)
  const memory = new Map<ArrayBufferLike, ArrayBuffer | undefined>()
  // With its buffer detached a view has no offset and no length, and several may be on one buffer.
  const places = views.map(bytes => ({ bytes, buffer: bytes.buffer, at: bytes.byteOffset, length: bytes.byteLength }))
  for (const view of views) {
    const { buffer } = view
    if (!memory.has(buffer) && isMoving(view)) memory.set(buffer, takeMemory(buffer as ArrayBuffer))
  }
  return places.map(({ bytes, buffer, at, length }) => {
    const moved = memory.get(buffer)
    return moved === undefined ? { bytes, owned: false } : { bytes: new Uint8Array(moved, at, length), owned: true }
  })
}

function isMoving(view: Uint8Array): boolean {
  return isMarked(view.buffer as ArrayBuffer)
}
