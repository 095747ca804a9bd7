import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { loadModel, saveModel } from "../../examples/train/model-file.ts"
import { Network } from "../../examples/train/network.ts"
import { seeded } from "../../examples/train/random.ts"

let folder: string
let file: string
const network = Network.random({ inputs: 6, hidden: 4, outputs: 3 }, seeded(1))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-file-"))
  file = join(folder, "new", "model.json")
  await saveModel(file, network, { accuracy: 0.9 })
})
afterEach(() => rm(folder, { recursive: true }))

test("what is saved is what is loaded, bit for bit, and nothing else is left behind", async () => {
  const loaded = await loadModel(file)
  expect(loaded.shape).toEqual(network.shape)
  expect(loaded.weights).toEqual(network.weights)
  expect(JSON.parse(await readFile(file, "utf8")).about).toEqual({ accuracy: 0.9 })
  expect(await readdir(join(folder, "new"))).toEqual(["model.bin", "model.json"])
})

test("weights are little-endian floats, so that the file can be read elsewhere", async () => {
  const bytes = await readFile(join(folder, "new", "model.bin"))
  expect(bytes).toHaveLength((6 * 4 + 4 + 4 * 3 + 3) * 4)
  expect(bytes.readFloatLE(0)).toBe(network.weights[0]![0])
  expect(bytes.readFloatLE(28 * 4)).toBe(network.weights[2]![0])
})

test("a file cut short is refused, naming it", async () => {
  await truncate(join(folder, "new", "model.bin"), 100)
  await expect(loadModel(file)).rejects.toThrow(/model\.bin has 100 bytes; the shape in .*model\.json needs 172/)
})

test("another format is refused", async () => {
  await writeFile(file, `{"format":"other"}`)
  await expect(loadModel(file)).rejects.toThrow('is not a model of this example: its format is "other"')
})
