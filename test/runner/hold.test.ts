/** The worker's side of being held, over a pipe that the test holds. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"
import type { Socket } from "node:net"
import { afterEach, expect, it } from "vitest"
import { HeldWorker } from "./held-worker.ts"

let child: ChildProcess
const held: HeldWorker[] = []
afterEach(() => {
  child.kill("SIGKILL")
  for (const { dir } of held.splice(0)) rmSync(dir, { recursive: true })
})

function forked() {
  const worker = new HeldWorker()
  held.push(worker)
  child = fork(worker.entry, [], { stdio: ["ignore", "inherit", "pipe", "ipc", "pipe"], execArgv: [] })
  return { child, pipe: child.stdio[4] as unknown as Socket }
}

it("is let go by one byte for each time", async () => {
  const { child, pipe } = forked()
  const said: unknown[] = []
  let answers = ""
  child.on("message", message => said.push(message))
  pipe.on("data", data => {
    answers += data
  })
  for (let time = 0; time < 2; time++) child.send({ t: "hold", fd: 4 })
  await expect.poll(() => answers).toBe(".")
  pipe.write(".")
  await expect.poll(() => answers).toBe("..")
  await expect.poll(() => said).toEqual(["released"])
  pipe.write(".")
  await expect.poll(() => said).toEqual(["released", "released"])
})

it("sees that its supervisor is dead, also when that had not read its answer", async () => {
  const first = forked()
  first.child.send({ t: "hold", fd: 4 })
  await once(first.pipe, "data")
  first.pipe.destroy()
  expect((await once(first.child, "exit"))[0]).toBe(7)
  const second = forked()
  second.pipe.destroy()
  second.child.send({ t: "hold", fd: 4 })
  expect((await once(second.child, "exit"))[0]).toBe(7)
})

it("goes on where there is no pipe, and says so", async () => {
  const { child } = forked()
  child.send({ t: "hold", fd: 99 })
  const [[written], [said]] = await Promise.all([once(child.stderr!, "data"), once(child, "message")])
  expect(`${written}`).toContain("slurm-flame: the worker cannot hold: EBADF")
  expect(said).toBe("released")
})
