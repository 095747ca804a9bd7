import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import type { Where } from "../fixtures/modules/basic.ts"
import { eventually, isAlive } from "./helpers.ts"

const PROGRAM = fileURLToPath(new URL("../fixtures/programs/parent.mjs", import.meta.url))

/** Starts the parent and waits until it has two runners. */
async function parent(then: string): Promise<{ child: ChildProcess; where: Where[]; said: string[] }> {
  const child = spawn(process.execPath, [PROGRAM, then], { stdio: ["ignore", "pipe", "ignore"] })
  const said: string[] = []
  const lines = createInterface({ input: child.stdout! }).on("line", line => said.push(line))
  await once(lines, "line")
  return { child, where: JSON.parse(said[0] ?? "") as Where[], said }
}

async function nothingLeft(where: Where[]): Promise<void> {
  for (const { pid, ppid, tmpdir: dir } of where) {
    await eventually(() => !isAlive(pid) && !isAlive(ppid), `runner ${ppid} and its worker ${pid} to end`)
    expect(readdirSync(tmpdir())).not.toContain(dir.split("/").at(-1))
  }
}

describe("a parent", () => {
  it("that is SIGKILLed with calls running leaves no process and no directory", async () => {
    const { child, where } = await parent("work")
    child.kill("SIGKILL")
    await nothingLeft(where)
  })

  it("that gets SIGINT ends, and its runners with it", async () => {
    const { child, where } = await parent("work")
    const exit = once(child, "exit")
    child.kill("SIGINT")
    expect(await exit).toEqual([null, "SIGINT"])
    await nothingLeft(where)
  })

  it("whose program is over ends although nobody closed the pool", async () => {
    const { child, where } = await parent("return")
    if (child.exitCode === null) await once(child, "exit")
    expect(child.exitCode).toBe(0)
    await nothingLeft(where)
  })

  it("whose program is over ends by itself whatever it made, and still holds: callbacks, signals, streams, proxies", async () => {
    const { child, where, said } = await parent("used")
    if (child.exitCode === null) await once(child, "close")
    expect(said.at(-1)).toBe("over")
    expect(child.exitCode).toBe(0)
    await nothingLeft(where)
  })

  it.each(["proxy", "endpoint"])("that awaits a call on a %s stays until it has the answer", async kind => {
    const { child, where, said } = await parent(kind)
    if (child.exitCode === null) await once(child, "close")
    expect(said.at(-1)).toBe("rested")
    expect(child.exitCode).toBe(0)
    await nothingLeft(where)
  })

  it("that waits for nothing in particular ends with Node's own exit code for it", async () => {
    const { child, where } = await parent("never")
    if (child.exitCode === null) await once(child, "exit")
    expect(child.exitCode).toBe(13)
    await nothingLeft(where)
  })

  it("that throws ends with its error, and its runners with it", async () => {
    const { child, where } = await parent("throw")
    if (child.exitCode === null) await once(child, "exit")
    expect(child.exitCode).toBe(1)
    await nothingLeft(where)
  })

  it("has nothing left when close() resolves", async () => {
    const { child, where } = await parent("close")
    if (child.exitCode === null) await once(child, "exit")
    expect(where.filter(({ pid, ppid }) => isAlive(pid) || isAlive(ppid))).toEqual([])
    await nothingLeft(where)
  })
})
