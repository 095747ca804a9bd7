/** From `spawn()` on an empty local pool to the first result: `npm run bench -- cold-start` in a process of its own. */
import { fileURLToPath } from "node:url"
import { report } from "../program.mjs"

const FILE = fileURLToPath(new URL("../../cold-start.mjs", import.meta.url))

export async function cold({ brief }) {
  const { times } = await report(FILE, [brief ? "8" : "15"])
  return { "cold/first-result": times.runner }
}
