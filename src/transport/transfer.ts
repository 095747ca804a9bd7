/**
 * `transfer()`: buffers that are moved into the message instead of copied. Owns the marks and the moving; knows neither values
 * nor messages. The marks are on a well-known symbol of the global object: a bundled user module holds its own copy of this
 * file, and what it marks is for the codec of the worker.
 */
import { types } from "node:util"
import { OptionError } from "../shared/errors.ts"

const KEY = Symbol.for("slurm-flame.transfer")
const holder = globalThis as { [KEY]?: WeakSet<ArrayBuffer> }

/**
 * Marks the memory of `value`, so that it is moved instead of copied when `value` next crosses: as an argument of a call, in a
 * result, in an item of a stream. As with the transfer list of `postMessage`, the ArrayBuffer is then detached here: its length
 * is 0, and so is that of every view on it. A message that is refused detaches nothing. What cannot be detached (the
 * memory that Node's small Buffers share, that of WebAssembly) is copied as if it were not marked.
 * @param list The buffers to move; by default `value` itself if it is an ArrayBuffer, or the buffer it is a view of.
 * @returns `value`
 * @throws OptionError for a SharedArrayBuffer, and when there is no list and `value` has no buffer of its own
 */
export function transfer<T extends object>(value: T, list?: ArrayBuffer[]): T {
  const buffers: readonly object[] = list ?? [ArrayBuffer.isView(value) ? value.buffer : value]
  buffers.forEach((buffer, i) => {
    if (types.isArrayBuffer(buffer)) return
    const where = list === undefined ? "value" : `list[${i}]`
    if (types.isSharedArrayBuffer(buffer)) {
      throw new OptionError(where, `${where} is a SharedArrayBuffer, or a view of one, which cannot be moved`, {
        hint: "send a copy: value.slice()",
      })
    }
    throw new OptionError(where, `${where} is no ArrayBuffer${list === undefined ? ", and no view of one" : ""}`, {
      hint: "name the buffers to move: transfer(value, [value.data.buffer])",
    })
  })
  holder[KEY] ??= new WeakSet()
  for (const buffer of buffers) holder[KEY].add(buffer as ArrayBuffer)
  return value
}

/**
 * Runs `send` with the buffers among `list` marked, as the transfer list of a `postMessage`: what is sent moves, and when `send`
 * throws the marks are off again. Ports in the list need no mark.
 */
export function withTransferList<T>(list: readonly unknown[] | undefined, send: () => T): T {
  const buffers = (list ?? []).filter(entry => types.isArrayBuffer(entry) && !isMarked(entry)) as ArrayBuffer[]
  if (buffers.length === 0) return send()
  transfer(buffers, buffers)
  try {
    return send()
  } finally {
    for (const buffer of buffers) holder[KEY]?.delete(buffer)
  }
}

/** True when `transfer()` was called for this buffer. */
export function isMarked(buffer: ArrayBuffer): boolean {
  return holder[KEY]?.has(buffer) === true
}

/**
 * Takes the memory of `buffer` away from its owner, who is left with a detached one. Nothing is copied.
 * @returns the memory under a new ArrayBuffer, or undefined where it cannot be moved; then nothing has changed
 */
export function takeMemory(buffer: ArrayBuffer): ArrayBuffer | undefined {
  if (buffer.byteLength === 0) return undefined
  try {
    const moved = structuredClone(buffer, { transfer: [buffer] })
    // Node 20 makes a copy of what may not be detached, and says nothing.
    return buffer.byteLength === 0 ? moved : undefined
  } catch (error) {
    // Later versions of Node refuse it. Copying is what such a buffer gets without a mark, too.
    if (buffer.byteLength !== 0 && error instanceof Error && /DataClone|TypeError/.test(error.name)) return undefined
    throw error
  }
}
