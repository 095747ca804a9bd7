/** A program with one pool that wants so many runners: says when all serve, and closes when it is told to. */
import { once } from "node:events"
import { createPool, slurm } from "slurm-flame"

const [{ runners, options }] = await once(process, "message")
const pool = createPool({
  module: new URL("../modules/tiny.mjs", import.meta.url),
  backend: slurm(options),
  min: runners,
  max: runners,
  bootTimeout: "infinity",
  idleShutdownAfter: "infinity",
})
pool.on("runner:down", ({ id, goneReason }) => {
  if (goneReason !== "close") console.error("a runner was lost:", id, goneReason)
})
pool.ready().then(
  () => process.send("ready"),
  () => {}, // it is closed while all are pending
)
process.on("disconnect", () => process.exit(1)) // whoever measures was ended
await once(process, "message")
await pool.close()
process.send("closed", () => process.exit(0))
