/** Work belongs to its caller, unless it was said that it does not. The numbers are those of FLAME's scenarios. */
import { type ChildProcess, spawn } from "node:child_process"
import { once as nextEvent } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { CallAbortedError, CallTimeoutError } from "../../src/index.ts"
import { eventually, isAlive, resourcePool, thrownBy, told } from "./helpers.ts"

const dir = mkdtempSync(join(tmpdir(), "flame-link-"))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
let serial = 0
const newFile = () => join(dir, `${++serial}`)
const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "")

const PROGRAM = fileURLToPath(new URL("../fixtures/programs/linked.mjs", import.meta.url))
const children = new Set<ChildProcess>()
afterEach(() => {
  for (const child of children) child.kill("SIGKILL")
  children.clear()
})

/** Starts the parent and waits until its work runs. */
async function parent(...args: string[]): Promise<{ child: ChildProcess; pid: number; ppid: number }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  children.add(child)
  const [line] = await nextEvent(createInterface({ input: child.stdout! }), "line")
  return { child, ...(JSON.parse(line) as { pid: number; ppid: number }) }
}

async function killed(child: ChildProcess): Promise<number> {
  const exit = nextEvent(child, "exit")
  child.kill("SIGKILL")
  await exit
  return performance.now()
}

const gone = (at: { pid: number; ppid: number }) =>
  eventually(() => !isAlive(at.pid) && !isAlive(at.ppid), `runner ${at.ppid} and its worker ${at.pid} to end`)

describe("a caller that leaves", () => {
  it("takes its work along", async () => {
    const pool = resourcePool()
    const started = told()
    const file = newFile()
    const controller = new AbortController()
    const call = thrownBy(pool.with({ signal: controller.signal }).slow(file, 60_000, started.tell))
    await started.promise
    controller.abort()
    expect(await call).toBeInstanceOf(CallAbortedError)
    expect(await pool.api.ping()).toBe("pong")
    expect(read(file)).toBe("aborted\n")
  })

  it("with link: false is free at once, and its work goes on in its slot", async () => {
    const pool = resourcePool()
    const started = told()
    const file = newFile()
    const controller = new AbortController()
    const call = thrownBy(pool.with({ signal: controller.signal, link: false }).slow(file, 500, started.tell))
    await started.promise
    controller.abort("gone")
    const error = await call
    expect(error).toBeInstanceOf(CallAbortedError)
    expect(error).toMatchObject({ started: true, cause: "gone" })
    expect(pool.stats().inFlight).toBe(1)
    expect(await pool.api.ping()).toBe("pong") // when the slot is free
    expect(read(file)).toBe("finished\n")
  })

  it("with link: false and a timeout: the time still counts when the caller has left", async () => {
    const pool = resourcePool()
    const started = told()
    const file = newFile()
    const controller = new AbortController()
    const call = thrownBy(
      pool.call(api => api.slow(file, 60_000, started.tell), {
        signal: controller.signal,
        link: false,
        timeout: 1_500,
      }),
    )
    await started.promise
    controller.abort()
    expect(await call).toBeInstanceOf(CallAbortedError)
    expect(await pool.api.ping()).toBe("pong")
    expect(read(file)).toBe("aborted\n")
    expect(
      await thrownBy(pool.with({ link: false, timeout: 100 }).slow(newFile(), 60_000, async () => {})),
    ).toBeInstanceOf(CallTimeoutError)
  })
})

describe("a parent that is SIGKILLed", () => {
  it("#49 takes its work along, and leaves no process and no directory", async () => {
    const file = newFile()
    const { child, ...at } = await parent("linked call", file, "60s", "60000")
    const since = await killed(child)
    await gone(at)
    expect(performance.now() - since).toBeLessThan(10_000)
    expect(read(file)).toBe("aborted\n")
    expect(readdirSync(tmpdir()).filter(name => name.startsWith("slurm-flame-linked-"))).toEqual([])
  })

  it("lets a call with link: false finish, and then its runner ends", async () => {
    const file = newFile()
    const { child, ...at } = await parent("unlinked call", file, "60s", "7000") // longer than a runner without a parent has
    const since = await killed(child)
    await gone(at)
    expect(read(file)).toBe("finished\n")
    expect(performance.now() - since).toBeGreaterThan(4_000)
  })

  it("lets it have no more than shutdownTimeout", async () => {
    const file = newFile()
    const { child, ...at } = await parent("unlinked call", file, "6s", "600000")
    const since = await killed(child)
    await gone(at)
    expect(read(file)).toBe("")
    expect(performance.now() - since).toBeGreaterThan(5_000)
  })

  it("#21 takes along what it placed, which is disposed of", async () => {
    const file = newFile()
    const { child, ...at } = await parent("linked place", file)
    await killed(child)
    await gone(at)
    expect(read(file)).toMatch(/tick\ndisposed\n$/)
  })

  it("#22 with link: false lets what it placed live on for shutdownTimeout, and then it is disposed of", async () => {
    const file = newFile()
    const { child, ...at } = await parent("unlinked place", file, "8s")
    const since = await killed(child)
    await gone(at)
    const lived = performance.now() - since
    expect(lived).toBeGreaterThan(5_500) // a runner without a parent has 5 s
    expect(read(file)).toMatch(/tick\ndisposed\n$/)
  })
})

it("a program is not over while it holds what it placed, and is when that ends", async () => {
  const { child, ...at } = await parent("place and return", newFile())
  if (child.exitCode === null) await nextEvent(child, "exit")
  expect(child.exitCode).toBe(0)
  await gone(at)
})
