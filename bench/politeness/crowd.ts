/**
 * The processes of the runners whose jobs the fake Slurm "runs", played by one: it dials for each boot configuration that a submission has
 * left in the folder it is given, and says goodbye when it is told to drain. It serves nothing.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { ControlLink } from "../../src/runner/supervisor/control-link.ts"
import { DataLink } from "../../src/runner/worker/data-link.ts"
import { type BootConfig, decodeBoot } from "../../src/shared/boot.ts"

/** The parent drops who comes when too many are at the door. */
const AT_A_TIME = 16
const LOOK_MS = 50

const spool = process.argv[2]!
const waiting: { boot: BootConfig; jobId: string }[] = []
let dialling = 0

async function run({ boot, jobId }: { boot: BootConfig; jobId: string }): Promise<void> {
  const node = "n1"
  let data: DataLink | undefined
  const control = await ControlLink.open(
    boot,
    [],
    { jobId, node },
    {
      message: message => {
        if (message.t !== "drain") return
        void data?.close()
        void control.bye({ t: "bye", reason: message.reason, cut: false })
      },
      writable() {},
      resumed() {},
      doubt() {},
      lost() {},
    },
  )
  const { runnerId, pool, addresses, tls, key } = boot
  const init = { runnerId, pool, addresses, tls, key, from: [], jobId, node, tmpdir: "" }
  data = await DataLink.open({ t: "init", ...init, until: undefined, generation: 0 }, () => {})
  data.send({ t: "ready", exports: ["add"] })
}

async function next(): Promise<void> {
  if (dialling >= AT_A_TIME) return
  const one = waiting.shift()
  if (!one) return
  dialling += 1
  await run(one)
  dialling -= 1
  void next()
}

setInterval(() => {
  for (const jobId of readdirSync(spool)) {
    if (jobId.startsWith(".")) continue // still being written
    waiting.push({ boot: decodeBoot(readFileSync(join(spool, jobId), "utf8")), jobId })
    rmSync(join(spool, jobId))
    void next()
  }
}, LOOK_MS)
process.on("disconnect", () => process.exit())
