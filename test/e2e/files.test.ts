/** A runner's directory is gone whatever ended the runner, what was kept is there, and what a kill leaves is swept by the next. */
import { spawn } from "node:child_process"
import { once as onceEmitted } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createPool, local, type PoolOptions } from "../../src/index.ts"
import { BOOT_VARIABLE, encodeBoot } from "../../src/shared/boot.ts"
import type * as files from "../fixtures/modules/files.ts"
import { eventually, isAlive, keep, once, told } from "./helpers.ts"

const SUPERVISOR = fileURLToPath(new URL("../../dist/bin/supervisor.js", import.meta.url))

let base: string
let temp: string

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "flame-files-"))
  temp = join(base, "tmp") // nobody else's directories are in there
  mkdirSync(temp)
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

/** Its runners make their directories in `temp`. */
function filesPool(options: Partial<PoolOptions> = {}) {
  return keep(
    createPool<typeof files>({
      module: new URL("../fixtures/modules/files.ts", import.meta.url),
      max: 1,
      logger: false,
      env: { TMPDIR: temp },
      keepDir: join(base, "kept"),
      ...options,
    }),
  )
}

describe("a runner's directory", () => {
  it.each([
    ["at a normal end", async () => {}],
    [
      "at SIGTERM, twice",
      async (pid: number) => {
        process.kill(pid, "SIGTERM")
        process.kill(pid, "SIGTERM")
      },
    ],
    ["at SIGINT", async (pid: number) => void process.kill(pid, "SIGINT")],
    ["at SIGHUP", async (pid: number) => void process.kill(pid, "SIGHUP")],
    ["at a signal that nothing is said of", async (pid: number) => void process.kill(pid, "SIGQUIT")],
  ])("is gone %s", async (_, end) => {
    const pool = filesPool()
    const r = await pool.spawn()
    const { ppid, tmpdir } = await r.api.where()
    expect(readdirSync(temp)).toHaveLength(1)
    expect(tmpdir.startsWith(temp)).toBe(true)
    await r.api.fill(300)
    await end(ppid)
    await pool.close()
    await eventually(() => !isAlive(ppid), "the supervisor to end")
    expect(readdirSync(temp)).toEqual([])
  })

  it("is gone when work that blocks the loop had to be cut", async () => {
    const pool = filesPool({ backend: local({ killWait: "3s" }) })
    const r = await pool.spawn()
    const { ppid } = await r.api.where()
    const started = told()
    r.api.block(started.tell).catch(() => {}) // told elsewhere
    await started.promise
    process.kill(ppid, "SIGTERM")
    await r.closed
    await eventually(() => !isAlive(ppid), "the supervisor to end")
    expect(readdirSync(temp)).toEqual([])
  })

  it("is gone for good although user code has left processes that write into it", async () => {
    const pool = filesPool()
    const r = await pool.spawn()
    const [inside, detached] = [await r.api.infest(false), await r.api.infest(true)]
    try {
      await pool.close()
      await eventually(() => !isAlive(inside), "what the worker started to end")
      expect(readdirSync(temp)).toEqual([])
    } finally {
      if (isAlive(detached)) process.kill(detached, "SIGKILL") // it went out of its way to live on, somewhere else
    }
  })

  it("with 20,000 files does not delay the last word, and is gone when its job is", async () => {
    const pool = filesPool()
    const r = await pool.spawn()
    await r.api.fill(20_000)
    const { tmpdir } = await r.api.where()
    const down = once(pool, "runner:down")
    const closed = pool.close()
    await down
    expect(existsSync(tmpdir)).toBe(false) // at that path
    await closed
    expect(readdirSync(temp)).toEqual([])
  })

  it.each([0, 20, 50, 100, 200, 400, 800])(
    "is gone after an error that nobody catches, %i ms after the start",
    async ms => {
      // A parent that takes the line and says nothing: the boot is never over.
      const server = createServer(() => {}).listen(0, "127.0.0.1")
      await onceEmitted(server, "listening")
      const { port } = server.address() as { port: number }
      const fault = `if (process.argv[1].endsWith("supervisor.js")) setTimeout(() => { throw new Error("injected") }, ${ms})`
      const boot = { v: 1, runnerId: "r-1", pool: "p", addresses: [{ host: "127.0.0.1", port }], tls: true } as const
      const child = spawn(process.execPath, [SUPERVISOR], {
        env: {
          ...process.env,
          TMPDIR: temp,
          NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(fault)}"`,
          [BOOT_VARIABLE]: encodeBoot({ ...boot, key: Buffer.alloc(32).toString("base64") }),
        },
        stdio: ["ignore", "ignore", "pipe"],
      })
      let said = ""
      child.stderr.on("data", chunk => {
        said += chunk
      })
      const [code] = await onceEmitted(child, "close")
      server.close()
      expect(said).toMatch(/injected/)
      expect(code).not.toBe(0)
      expect(readdirSync(temp)).toEqual([])
    },
  )

  it("that a kill left is swept by the next runner here, and that of a runner that lives is not", async () => {
    const pool = filesPool({ max: 2 })
    const [first, second] = [await pool.spawn(), await pool.spawn()]
    const [dying, living] = [await first.api.where(), await second.api.where()]
    const started = told()
    first.api.block(started.tell).catch(() => {}) // its worker cannot clean up either
    await started.promise
    process.kill(dying.ppid, "SIGKILL")
    process.kill(dying.pid, "SIGKILL")
    await first.closed
    expect(existsSync(dying.tmpdir)).toBe(true)
    const next = await pool.spawn()
    const { tmpdir } = await next.api.where()
    await eventually(() => !existsSync(dying.tmpdir), "the sweep")
    expect(existsSync(living.tmpdir) && existsSync(tmpdir)).toBe(true)
    await pool.close()
    expect(readdirSync(temp)).toEqual([])
  })
})

describe("runner().keep()", () => {
  it("moves a result to the pool's keepDir, where it is when the runner is gone", async () => {
    const pool = filesPool()
    const kept = await pool.api.produce("model.bin", "weights", "run-1/model.bin")
    expect(kept).toBe(join(base, "kept/run-1/model.bin"))
    await expect(pool.api.produce("model.bin", "other", "run-1/model.bin")).rejects.toMatchObject({
      code: "ERR_FLAME_STATE",
    })
    await pool.close()
    expect(readFileSync(kept, "utf8")).toBe("weights")
  })

  it("without a keepDir keeps in the state directory, by pool and runner", async () => {
    const state = process.env.XDG_STATE_HOME
    process.env.XDG_STATE_HOME = join(base, "state")
    try {
      const module = new URL("../fixtures/modules/files.ts", import.meta.url)
      const pool = keep(createPool<typeof files>({ module, max: 1, logger: false, env: { TMPDIR: temp } }))
      const { id } = await pool.api.where()
      const kept = await pool.api.produce("a", "x")
      expect(kept).toBe(join(base, "state/slurm-flame/kept/files", id, "a"))
    } finally {
      if (state === undefined) delete process.env.XDG_STATE_HOME
      else process.env.XDG_STATE_HOME = state
    }
  })

  it.each([true, false])("in a shutdown hook is waited for (awaited there: %s)", async awaited => {
    const other = mkdtempSync("/dev/shm/flame-files-") // another file system: it is copied
    try {
      const pool = filesPool({ env: { TMPDIR: other } })
      const r = await pool.spawn()
      await r.api.keepAtEnd("late", 30_000_000, awaited)
      const { ppid } = await r.api.where()
      process.kill(ppid, "SIGTERM")
      await r.closed
      await pool.close()
      expect(statSync(join(base, "kept/late")).size).toBe(30_000_000)
      expect(readdirSync(join(base, "kept"))).toEqual(["late"])
      expect(readdirSync(other)).toEqual([])
    } finally {
      rmSync(other, { recursive: true, force: true })
    }
  })
})

it.each(["results", 7, ""])("a keepDir that is no absolute path is refused: %j", keepDir => {
  expect(() => filesPool({ keepDir: keepDir as string })).toThrow(/`keepDir` must be an absolute path/)
})
