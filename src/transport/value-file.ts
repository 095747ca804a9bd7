/**
 * A value in a file, in the codec's own form. Owns the layout and the checksum; where the file lies, who may read it and when it counts are
 * others' affairs.
 *
 *     slurm-flame-value 2 00000099\n      the version, and the bytes of the head
 *     {"facts":…,"rich":…,"lengths":[…]}  the head: JSON, filled up with spaces and a line feed, so that people can look at it
 *     the value's JSON, then its parts    each begins at a multiple of 8; `lengths` are theirs, in this order
 *     32 bytes                            SHA-256 of the first two, and of the SHA-256 of the third
 */
import { createHash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { CheckpointError, isFlameError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { decode, encode } from "./codec/index.ts"

const MAGIC = "slurm-flame-value "
const VERSION = "2"
/** The first line: always as long as this one. */
const FIRST_LINE = `${MAGIC}${VERSION} 00000000\n`.length
const MAX_HEAD = 99_999_999
const DIGEST_BYTES = 32
/** What is read, written and put into the checksum at once: the event loop comes to its turn in between. */
const PIECE_BYTES = 1024 * 1024
/** Of one `writev`. */
const MAX_BUFFERS = 512
const ALIGNMENT = 8

/** What was written, or read. */
export interface Written {
  /** In the file. */
  readonly bytes: number
  /** Of the value alone: equal values have equal ones. */
  readonly digest: string
}

const paddingOf = (length: number): number => (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT

/**
 * Writes `value` from the beginning of `file`. Nothing of it is copied but its JSON: its bytes must not be changed meanwhile.
 * @param facts What is said of it in the head.
 * @throws NotSerializableError, before anything is written; what the file system says
 */
export async function writeValue(file: FileHandle, value: unknown, facts: Json): Promise<Written> {
  const { json, rich, parts } = encode(value, undefined, "state", false) // what `transfer()` marked stays with its owner
  const body = [Buffer.from(json), ...parts.map(({ bytes }) => bytes)]
  const head = JSON.stringify({ facts, rich, lengths: body.map(({ byteLength }) => byteLength) })
  const headBytes = Buffer.byteLength(head) + 1
  const filled = headBytes + paddingOf(FIRST_LINE + headBytes)
  if (filled > MAX_HEAD) throw new CheckpointError("the value has too many binary parts for a file")
  const text = `${MAGIC}${VERSION} ${String(filled).padStart(8, "0")}\n${head}${" ".repeat(filled - headBytes)}\n`
  const writer = new Writer(file)
  await writer.put(Buffer.from(text))
  await writer.endHead()
  for (const bytes of body) {
    await writer.put(bytes)
    await writer.put(new Uint8Array(paddingOf(bytes.byteLength)))
  }
  return await writer.end()
}

/** The checksum of a file, and in it that of the value: the head differs each time. */
class Digests {
  readonly #head = createHash("sha256")
  readonly #body = createHash("sha256")
  #current = this.#head

  update(bytes: Uint8Array): void {
    this.#current.update(bytes)
  }

  endHead(): void {
    this.#current = this.#body
  }

  end(): { whole: Buffer; body: string } {
    const body = this.#body.digest()
    return { whole: this.#head.update(body).digest(), body: body.toString("hex") }
  }
}

/** Gathers what is small and takes what is large apart. */
class Writer {
  readonly #file: FileHandle
  readonly #digests = new Digests()
  #batch: Uint8Array[] = []
  #bytes = 0
  #position = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  async put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const piece = bytes.subarray(at, at + PIECE_BYTES - this.#bytes)
      at += piece.byteLength
      this.#batch.push(piece)
      this.#bytes += piece.byteLength
      if (this.#bytes === PIECE_BYTES || this.#batch.length === MAX_BUFFERS) await this.#flush()
    }
  }

  async endHead(): Promise<void> {
    await this.#flush()
    this.#digests.endHead()
  }

  async end(): Promise<Written> {
    await this.#flush()
    const { whole, body } = this.#digests.end()
    await this.#write([whole])
    return { bytes: this.#position, digest: body }
  }

  async #flush(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    const written = this.#write(batch)
    written.catch(() => {}) // it is awaited below
    for (const piece of batch) this.#digests.update(piece) // while another thread writes
    await written
  }

  async #write(batch: Uint8Array[]): Promise<void> {
    let left = batch
    while (left.length > 0) {
      const { bytesWritten } = await this.#file.writev(left, this.#position)
      this.#position += bytesWritten
      left = without(left, bytesWritten) // a file system that is nearly full takes a part, and says why at the next try
    }
  }
}

/** What is left of them without the first `bytes`. */
function without(batch: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  return batch.flatMap(piece => {
    const taken = Math.min(skip, piece.byteLength)
    skip -= taken
    return taken === piece.byteLength ? [] : [piece.subarray(taken)]
  })
}

/**
 * Reads what `writeValue` wrote, with one copy in memory: each part into a buffer of its own, which the value then stands on.
 * @param bytes The size of the file.
 * @throws CheckpointError when it is something else, torn or changed; what the file system says
 */
export async function readValue(
  file: FileHandle,
  bytes: number,
): Promise<{ value: unknown; facts: unknown; digest: string }> {
  const reader = new Reader(file, bytes)
  const { facts, rich, lengths } = await readHead(reader)
  reader.endHead()
  const size = lengths.reduce((sum, length) => sum + length + paddingOf(length), reader.position) + DIGEST_BYTES
  if (size !== bytes) throw damaged(`it has ${bytes} bytes, and should have ${size}`)
  const parts: ArrayBuffer[] = []
  let json = ""
  for (const [index, length] of lengths.entries()) {
    const memory = new ArrayBuffer(length)
    await reader.fill(Buffer.from(memory))
    await reader.fill(Buffer.alloc(paddingOf(length)))
    if (index === 0) json = Buffer.from(memory).toString()
    else parts.push(memory)
  }
  const digest = await reader.verify()
  try {
    return { value: decode(json, rich, parts), facts, digest }
  } catch (error) {
    // The bytes are what was written, so it is this program that lacks something: a class, most likely.
    const hint = isFlameError(error) ? error.hint : undefined
    throw new CheckpointError("this program cannot make the value again that was written", { cause: error, hint })
  }
}

interface Head {
  readonly facts: unknown
  readonly rich: boolean
  readonly lengths: readonly number[]
}

async function readHead(reader: Reader): Promise<Head> {
  const line = await reader.text(FIRST_LINE)
  if (!line.startsWith(MAGIC)) throw damaged("it does not begin as one")
  const [, version, digits] = /^(\d+) (\d{8})\n$/.exec(line.slice(MAGIC.length)) ?? []
  if (version !== VERSION || digits === undefined) {
    throw new CheckpointError("it was written by another version of slurm-flame, in a form that this one does not know")
  }
  let head: Partial<Head> | null
  try {
    head = JSON.parse(await reader.text(Number(digits))) as Partial<Head> | null
  } catch (cause) {
    if (isFlameError(cause) || !(cause instanceof SyntaxError)) throw cause
    throw damaged("its head is no JSON")
  }
  const { facts, rich, lengths } = head ?? {}
  if (typeof rich !== "boolean" || !Array.isArray(lengths) || lengths.length === 0 || !lengths.every(isLength)) {
    throw damaged("its head does not say what is in it")
  }
  return { facts, rich, lengths }
}

function isLength(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Reads from the beginning on, no further than the file goes. */
class Reader {
  readonly #file: FileHandle
  readonly #bytes: number
  readonly #digests = new Digests()
  position = 0

  constructor(file: FileHandle, bytes: number) {
    this.#file = file
    this.#bytes = bytes
  }

  async text(length: number): Promise<string> {
    if (this.position + length + DIGEST_BYTES > this.#bytes) throw damaged("it ends too early")
    const bytes = Buffer.alloc(length)
    await this.fill(bytes)
    return bytes.toString()
  }

  async fill(memory: Buffer): Promise<void> {
    let unread: Uint8Array | undefined
    for (let at = 0; at < memory.byteLength; ) {
      const reading = this.#read(memory.subarray(at, at + PIECE_BYTES))
      reading.catch(() => {}) // it is awaited below
      if (unread) this.#digests.update(unread) // while another thread reads
      const read = await reading
      unread = memory.subarray(at, at + read)
      at += read
    }
    if (unread) this.#digests.update(unread)
  }

  endHead(): void {
    this.#digests.endHead()
  }

  /** That all that was read is what was written. @returns the value's digest @throws CheckpointError */
  async verify(): Promise<string> {
    const { whole, body } = this.#digests.end()
    const written = Buffer.alloc(DIGEST_BYTES)
    for (let at = 0; at < DIGEST_BYTES; ) at += await this.#read(written.subarray(at))
    if (!whole.equals(written)) throw damaged("its bytes are not those that were written: the checksum differs")
    return body
  }

  async #read(memory: Buffer): Promise<number> {
    const { bytesRead } = await this.#file.read(memory, 0, memory.byteLength, this.position)
    if (bytesRead === 0) throw damaged("it ends too early")
    this.position += bytesRead
    return bytesRead
  }
}

function damaged(why: string): CheckpointError {
  return new CheckpointError(`it is no whole value: ${why}`)
}
