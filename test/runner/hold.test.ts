/** Each side of being held, over a pipe whose other end is the test. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"
import type { Socket } from "node:net"
import { Duplex } from "node:stream"
import { afterEach, describe, expect, it, vi } from "vitest"
import { Hold } from "../../src/runner/supervisor/hold.ts"
import { HeldWorker, poll } from "./held-worker.ts"

describe("the worker", () => {
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
    await poll(() => answers).toBe(".")
    pipe.write(".")
    await poll(() => answers).toBe("..")
    await poll(() => said).toEqual(["released"])
    pipe.write(".")
    await poll(() => said).toEqual(["released", "released"])
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
})

describe("the supervisor", () => {
  function holding() {
    const written: string[] = []
    const pipe = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        written.push(`${chunk}`)
        done()
      },
    })
    const answer = async () => {
      const heard = once(pipe, "data")
      pipe.push(".")
      await heard
    }
    return { hold: new Hold(pipe), written, answer, pipe, ask: vi.fn(), settled: vi.fn() }
  }

  it("takes the answer to an earlier time for what it is", async () => {
    const { hold, written, answer, ask, settled } = holding()
    const first = vi.fn()
    hold.ask(1e8, ask, first)
    hold.release()
    hold.ask(1e8, ask, settled)
    await answer()
    expect([first.mock.calls.length, settled.mock.calls.length]).toEqual([0, 0])
    await answer()
    expect([first.mock.calls.length, settled.mock.calls.length]).toEqual([0, 1])
    hold.release()
    hold.release() // each time is let go once
    expect([ask.mock.calls.length, written]).toEqual([2, [".", "."]])
  })

  it("waits for no answer where there is no time, and is not told twice", async () => {
    const { hold, answer, ask, settled } = holding()
    hold.ask(0, ask, settled)
    expect([ask.mock.calls.length, settled.mock.calls.length]).toEqual([1, 1])
    await answer()
    expect(settled).toHaveBeenCalledOnce()
  })

  it("asks for nothing where there is no pipe, or it is broken", async () => {
    const { pipe, hold, ask, settled } = holding()
    new Hold(undefined).ask(1e8, ask, settled)
    const closed = new Promise(resolve => pipe.once("close", resolve))
    pipe.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }))
    await closed
    hold.ask(1e8, ask, settled)
    expect([ask.mock.calls.length, settled.mock.calls.length]).toEqual([0, 2])
  })
})
