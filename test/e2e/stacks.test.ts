/** What a program's user reads when a call fails: as Node itself writes it, where the other tests have vitest's way. */
import { execFileSync } from "node:child_process"
import { expect, it } from "vitest"

const LIBRARY = new URL("../../dist/index.js", import.meta.url).href
const MODULE = new URL("../fixtures/modules/dies-when-up.mjs", import.meta.url).href

it.each([[[]], [["--enable-source-maps"]]])("an error names the async functions that waited; node %j", flags => {
  const program = `
    import { createPool } from ${JSON.stringify(LIBRARY)}
    const module = new URL(${JSON.stringify(MODULE)})
    const pool = createPool({ module, max: 1, logger: false, signal: AbortSignal.abort() })
    async function trainModel() { await pool.api.train(1) }
    async function searchBest() { await trainModel() }
    await searchBest().catch(error => console.log(error.stack))
  `
  const args = [...flags, "--input-type=module", "-e", program]
  const stack = execFileSync(process.execPath, args, { encoding: "utf8" })
  expect(stack).toMatch(/^PoolClosedError: train: /)
  expect(stack).toMatch(/\n {4}-- awaited --\n {4}at async trainModel .*\n {4}at async searchBest /)
  expect(stack.split("-- awaited --")[1]).not.toMatch(/call-site|node:internal\/process/)
})
