/** Dask's client.submit: to a scheduler, and by it to one worker. The calls are made and timed in Python (`slice`). */
import { fileURLToPath } from "node:url"
import { Foreign } from "./lib/foreign.mjs"
import { tryCommand } from "./lib/needs.mjs"

/** The second is there where the first is one without Dask: of an environment, or a version manager's. */
const PYTHONS = ["python3", "/usr/bin/python3"]
const PROGRAM = fileURLToPath(new URL("./dask/flame_peer.py", import.meta.url))

export const about = {
  name: "Dask",
  kind: "wire",
  needs: ["python3"],
  maxBytes: 64 * 2 ** 20,
  how: "client.submit(f, ...) and its result, asyncio client, one scheduler, one worker with one thread; timed in Python; TLS, without which its port runs anybody's code",
}

export async function missing() {
  return (await find()).reason
}

export async function serve({ host }) {
  const { program, ready } = await start(["server", host])
  return { where: JSON.parse(ready), close: () => program.close() }
}

export async function connect(where) {
  const { program } = await start(["client"], JSON.stringify(where))
  return { ...program.methods, close: () => program.close() }
}

async function start(arguments_, hello) {
  const { python, reason } = await find()
  if (!python) throw new Error(reason)
  // Its own warnings are of no use to who reads ours; what fails is told in the answer.
  return await Foreign.start(python, ["-W", "ignore", PROGRAM, ...arguments_], { hello })
}

/** The first Python that has it, or why none does. */
async function find() {
  const reasons = []
  for (const python of PYTHONS) {
    const { reason } = await tryCommand(python, ["-c", "import distributed, cryptography"])
    if (!reason) return { python }
    reasons.push(`${python}: ${reason}`)
  }
  return { reason: reasons.join("; ") }
}
