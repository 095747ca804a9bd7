import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { CheckpointError, NotSerializableError } from "../../src/shared/errors.ts"
import { readValue, writeValue } from "../../src/transport/value-file.ts"

const PIECE = 1024 * 1024

let directory: string
let count = 0
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "flame-value-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function within<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

async function write(value: unknown): Promise<string> {
  const path = join(directory, String(++count))
  const { bytes } = await within(path, "wx", file => writeValue(file, value, { of: "a test" }))
  expect((await readFile(path)).byteLength).toBe(bytes)
  return path
}

const read = (path: string) => within(path, "r", async file => readValue(file, (await file.stat()).size))

/** The file with these bytes is refused. */
async function refused(bytes: Uint8Array): Promise<string> {
  const path = join(directory, String(++count))
  await writeFile(path, bytes)
  const error: unknown = await read(path).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(CheckpointError)
  return (error as Error).message
}

const shared = { x: new Float64Array([1, 2, 3]) }
const ring: { self?: unknown } = {}
ring.self = ring

describe("a value in a file", () => {
  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["a number that JSON has no word for", Number.NaN],
    ["text", "schön \u{1F600}"],
    ["plain data", { epoch: 3, loss: [0.5, 0.25], done: false }],
    ["a Map and a Set", new Map<unknown, unknown>([[{ a: 1 }, new Set([1n, "b"])]])],
    [
      "typed arrays of all widths",
      [new Uint8Array(3), new Float32Array([1.5]), new BigInt64Array([-1n]), new Uint8Array(0)],
    ],
    ["a view into a larger buffer", new Float64Array([1, 2, 3, 4]).subarray(1, 3)],
    ["a Buffer", Buffer.from("bytes")],
    ["an object met twice", [shared, shared]],
    ["a ring", ring],
    ["a date and an error", [new Date(5), new RangeError("no")]],
    [
      "more small arrays than one writev takes",
      Array.from({ length: 2_000 }, (_, i) => new Uint16Array([i, i + 1, i + 2])),
    ],
    ["long text", "é".repeat(PIECE)],
    ["one piece less a byte", new Uint8Array(PIECE - 1).fill(7)],
    ["three pieces and some", new Uint8Array(3 * PIECE + 5).fill(9)],
  ])("is the same again: %s", async (_what, value) => {
    const { value: again, facts } = await read(await write(value))
    expect(isDeepStrictEqual(again, value)).toBe(true) // toEqual takes seconds for what is large
    expect(facts).toEqual({ of: "a test" })
  })

  it("keeps what is met twice one object", async () => {
    const [one, other] = (await read(await write([shared, shared]))).value as unknown[]
    expect(other).toBe(one)
  })

  it("is whatever it was", async () => {
    const value = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
    })
    await fc.assert(
      fc.asyncProperty(value, async value => {
        expect((await read(await write(value))).value).toEqual(value)
      }),
      { numRuns: 200 },
    )
  })

  it("begins with words for those who look into it", async () => {
    const [line, head] = (await readFile(await write({ a: new Uint8Array(2) }), "latin1")).split("\n")
    expect(line).toMatch(/^slurm-flame-value 2 \d{8}$/)
    expect(JSON.parse(head!)).toMatchObject({ facts: { of: "a test" }, lengths: [expect.any(Number), 2] })
  })

  it("has a digest by which equal values are known, whatever is said of them", async () => {
    const state = () => ({ epoch: 3, weights: new Float32Array([1, 2]) })
    const digestOf = async (value: unknown, facts: string) => {
      const path = join(directory, String(++count))
      const { digest } = await within(path, "wx", file => writeValue(file, value, facts))
      expect((await read(path)).digest).toBe(digest)
      return digest
    }
    const digest = await digestOf(state(), "one")
    expect(await digestOf(state(), "the other")).toBe(digest)
    expect(await digestOf({ ...state(), weights: new Float32Array([1, 3]) }, "one")).not.toBe(digest)
    expect(await digestOf({ ...state(), epoch: 4 }, "one")).not.toBe(digest)
  })

  it("that cannot be copied is refused before anything is written", async () => {
    const path = join(directory, String(++count))
    const writing = within(path, "wx", file => writeValue(file, { rows: [{ fn: () => {} }] }, null))
    await expect(writing).rejects.toThrow(NotSerializableError)
    await expect(writing).rejects.toThrow(/state\.rows\[0\]\.fn/)
    expect((await readFile(path)).byteLength).toBe(0)
  })
})

describe("a file that is not what was written", () => {
  const value = { name: "x", weights: new Float32Array([1, 2, 3]), more: new Uint8Array(9) }

  it("is refused wherever it was cut off", async () => {
    const whole = await readFile(await write(value))
    for (let length = 0; length < whole.length; length++) await refused(whole.subarray(0, length))
    expect(await refused(Buffer.concat([whole, Buffer.alloc(8)]))).toMatch(/has \d+ bytes, and should have/)
  })

  it("is refused whichever bit was turned over, in each byte", async () => {
    const whole = await readFile(await write(value))
    for (let bit = 0; bit < 8 * whole.length; bit += 9) {
      const changed = Buffer.from(whole)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      await refused(changed)
    }
  })

  it("is refused when a block of it never reached the disk", async () => {
    const whole = await readFile(await write(new Uint8Array(3 * PIECE).fill(5)))
    whole.fill(0, PIECE, PIECE + 4096)
    expect(await refused(whole)).toMatch(/checksum/)
  })

  it("is refused by words of its own when another version wrote it, or something else", async () => {
    const whole = await readFile(await write(value))
    const other = Buffer.from(whole.toString("latin1").replace("value 2 ", "value 1 "), "latin1")
    expect(await refused(other)).toMatch(/another version of slurm-flame/)
    expect(await refused(Buffer.alloc(500))).toMatch(/does not begin as one/)
  })

  it("promises no memory that the file has not", async () => {
    const head = JSON.stringify({ facts: null, rich: true, lengths: [4, 2 ** 45] })
    expect(
      await refused(
        Buffer.from(`slurm-flame-value 2 ${String(head.length).padStart(8, "0")}\n${head}${" ".repeat(99)}`),
      ),
    ).toMatch(/should have/)
  })
})

describe("a file system that is nearly full", () => {
  /** Takes so many bytes of each write, and none after `room`. */
  function narrow(file: FileHandle, most: number, room = Number.POSITIVE_INFINITY): FileHandle {
    let left = room
    const writev = async (buffers: readonly Uint8Array[], position: number) => {
      const bytes = Buffer.concat(buffers).subarray(0, Math.min(most, left))
      if (bytes.length === 0)
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
      left -= bytes.length
      await file.write(bytes, 0, bytes.length, position)
      return { bytesWritten: bytes.length, buffers }
    }
    return { writev } as unknown as FileHandle
  }
  const value = [new Uint8Array(200_001).fill(3), new Float64Array([4]), "text"]

  it("is given the rest until it has all", async () => {
    const path = join(directory, String(++count))
    await within(path, "wx", file => writeValue(narrow(file, 777), value, null))
    expect((await read(path)).value).toEqual(value)
  })

  it("is not believed to have taken what it did not", async () => {
    const path = join(directory, String(++count))
    const writing = within(path, "wx", file => writeValue(narrow(file, 50_000, 100_000), value, null))
    await expect(writing).rejects.toMatchObject({ code: "ENOSPC" })
    await refused(await readFile(path))
  })
})
