/**
 * The processes of many runners, played by one: a control line and a data line for each boot configuration that is sent here,
 * made by the very classes that a runner uses. It serves nothing.
 */
import { ControlLink } from "../../src/runner/supervisor/control-link.ts"
import { DataLink } from "../../src/runner/worker/data-link.ts"
import { type BootConfig, decodeBoot } from "../../src/shared/boot.ts"

/** The parent drops who comes when too many are at the door. */
const AT_A_TIME = 16

const waiting: BootConfig[] = []
let dialling = 0

async function run(boot: BootConfig): Promise<void> {
  const jobId = `crowd-${boot.runnerId}`
  const node = "crowd"
  await ControlLink.open(
    boot,
    [],
    { jobId, node },
    { message() {}, writable() {}, resumed() {}, doubt() {}, lost() {} },
  )
  const { runnerId, pool, addresses, tls, key } = boot
  const init = { runnerId, pool, addresses, tls, key, from: [], jobId, node, tmpdir: "" }
  const data = await DataLink.open({ t: "init", ...init, until: undefined, generation: 0 }, () => {})
  data.send({ t: "ready", exports: ["add"] })
}

async function next(): Promise<void> {
  if (dialling >= AT_A_TIME) return
  const boot = waiting.shift()
  if (!boot) return
  dialling += 1
  await run(boot)
  dialling -= 1
  void next()
}

process.on("message", text => {
  waiting.push(decodeBoot(text as string))
  void next()
})
process.on("disconnect", () => process.exit())
