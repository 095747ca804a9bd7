import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { pathToFileURL } from "node:url"
import { afterEach, expect, it } from "vitest"
import { Outlet } from "../../src/runner/supervisor/outlet.ts"
import { WorkerProcess } from "../../src/runner/supervisor/worker-process.ts"

type Init = ConstructorParameters<typeof WorkerProcess>[2]

let dir: string
afterEach(() => rmSync(dir, { recursive: true }))

/** A worker that started a process, whose id it says. */
async function started() {
  dir = mkdtempSync(join(tmpdir(), "flame-worker-"))
  const entry = join(dir, "worker.mjs")
  writeFileSync(
    entry,
    `import { spawn } from "node:child_process"
process.on("message", () => process.send(spawn("sleep", ["60"]).pid))`,
  )
  const outlet = () => new Outlet(new PassThrough())
  const output = { stdout: outlet(), stderr: outlet(), seen() {} }
  const worker = new WorkerProcess(pathToFileURL(entry), process.env, { t: "init" } as Init, output)
  const child = await new Promise<number>(resolve => worker.onMessage(pid => resolve(pid as unknown as number)))
  return { worker, pids: [worker.pid!, child] }
}

const stateOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)![0]

it("stands still again when the whole job is sent SIGCONT, until it is to go on", async () => {
  const { worker, pids } = await started()
  worker.still(true)
  await expect.poll(() => pids.map(stateOf)).toEqual(["T", "T"])
  // As Slurm does it: to those of the job one after the other. This process is the runner's here.
  for (const pid of [...pids, process.pid]) process.kill(pid, "SIGCONT")
  await expect.poll(() => pids.map(stateOf)).toEqual(["T", "T"])
  worker.still(false)
  for (const pid of [...pids, process.pid]) process.kill(pid, "SIGCONT")
  await expect.poll(() => pids.map(stateOf)).toEqual(["S", "S"])
  worker.still(true)
  worker.kill()
  expect(await worker.exited).toMatchObject({ signal: "SIGKILL" })
  expect(process.listenerCount("SIGCONT")).toBe(0)
})
