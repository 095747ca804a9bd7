/**
 * A trained network on disk: a `.json` with what it is, and beside it a `.bin` with its weights as little-endian 32-bit
 * floats, one part after the other. Owns that format.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { endianness } from "node:os"
import { dirname } from "node:path"
import { Network, type Shape, weightLengths } from "./network.ts"

/** What the `.json` holds. */
export interface ModelCard {
  readonly format: "slurm-flame-example/1"
  readonly shape: Shape
  /** Everything else worth knowing: configuration, accuracy. Any JSON. */
  readonly about: unknown
}

/** Writes the network to `file` (`.../name.json`) and `.../name.bin`; makes the folder. Never leaves a half-written file. */
export async function saveModel(file: string, network: Network, about: unknown): Promise<void> {
  const card: ModelCard = { format: "slurm-flame-example/1", shape: network.shape, about }
  await mkdir(dirname(file), { recursive: true })
  const parts = network.weights.map(part => Buffer.from(part.buffer, part.byteOffset, part.byteLength))
  await replace(weightsFile(file), inFileOrder(Buffer.concat(parts)))
  await replace(file, `${JSON.stringify(card, null, 2)}\n`)
}

/**
 * Reads what `saveModel` wrote.
 * @throws Error when `file` is of another format, or when the weights do not fit the shape
 */
export async function loadModel(file: string): Promise<Network> {
  const card = JSON.parse(await readFile(file, "utf8")) as ModelCard
  if (card.format !== "slurm-flame-example/1") {
    throw new Error(`${file} is not a model of this example: its format is ${JSON.stringify(card.format)}`)
  }
  const bytes = inFileOrder(await readFile(weightsFile(file)))
  const lengths = weightLengths(card.shape)
  const expected = lengths.reduce((sum, length) => sum + length, 0) * Float32Array.BYTES_PER_ELEMENT
  if (bytes.length !== expected) {
    throw new Error(`${weightsFile(file)} has ${bytes.length} bytes; the shape in ${file} needs ${expected}`)
  }
  let at = 0
  const weights = lengths.map(length => {
    // A copy of its own: a Buffer may start at an odd address of a shared pool, where floats cannot.
    const part = new Float32Array(length)
    new Uint8Array(part.buffer).set(bytes.subarray(at, at + part.byteLength))
    at += part.byteLength
    return part
  })
  return new Network(card.shape, weights)
}

function weightsFile(file: string): string {
  return file.replace(/\.json$/, ".bin")
}

/** Turns the machine's byte order into the file's, or back. */
function inFileOrder(bytes: Buffer): Buffer {
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32()
}

async function replace(file: string, content: string | Buffer): Promise<void> {
  const draft = `${file}.${process.pid}`
  await writeFile(draft, content)
  await rename(draft, file)
}
