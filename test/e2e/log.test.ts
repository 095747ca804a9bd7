/** The `log` event: what user code writes on a runner, line by line, and that it is in the job's own output as it ever was. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { createPool, type Pool, type PoolEvents } from "../../src/index.ts"
import { keep } from "./helpers.ts"

type LogLine = PoolEvents["log"][0]

interface Talk {
  say(...lines: string[]): void
  complain(...lines: string[]): void
  startProgram(words: string): void
  spell(text: string): Promise<void>
  sayAndExit(count: number): void
}

function talkPool(): Pool<Talk> {
  const module = new URL("../fixtures/modules/talk.mjs", import.meta.url)
  return keep(createPool<Talk>({ module, max: 1, logger: false }))
}

/** Listens; `until` resolves with all lines so far when one of them is `line`. */
function listen(pool: Pool<any>) {
  const heard: LogLine[] = []
  const waiting: { line: string; resolve: (heard: string[]) => void }[] = []
  const lines = () => heard.map(({ line }) => line)
  const off = pool.on("log", event => {
    heard.push(event)
    for (const { line, resolve } of waiting) if (line === event.line) resolve(lines())
  })
  const until = (line: string) =>
    new Promise<string[]>(resolve => {
      if (lines().includes(line)) resolve(lines())
      else waiting.push({ line, resolve })
    })
  return { heard, lines, off, until }
}

describe("pool.on('log')", () => {
  it("hears lines of both streams, of programs as well, from the import on, with runner and job", async () => {
    const pool = talkPool()
    const { heard, until } = listen(pool)
    await pool.api.say("one", "two\nthree", "", "four\r")
    await pool.api.complain("five")
    await pool.api.startProgram("six")
    await pool.api.say("end")
    await until("end")
    await until("five")
    const { id, jobId } = pool.stats().runners[0]!
    expect(heard.filter(({ stream }) => stream === "stdout").map(({ line }) => line)).toEqual([
      "imported",
      "one",
      "two",
      "three",
      "",
      "four",
      "six",
      "end",
    ])
    expect(heard.find(({ line }) => line === "five")).toEqual({ runnerId: id, jobId, stream: "stderr", line: "five" })
  })

  it("hears characters whole, and long lines cut", async () => {
    const pool = talkPool()
    const { until, lines } = listen(pool)
    await pool.api.spell("naïve 漢字 🎻")
    await until("naïve 漢字 🎻")
    await pool.api.say("é".repeat(10_000), "end")
    await until("end")
    expect(lines().at(-2)).toBe(`${"é".repeat(4_096)}… (11808 bytes cut)`)
  })

  it("hears runners that are up already when somebody begins to listen, and none when nobody does any more", async () => {
    const pool = talkPool()
    const early = listen(pool)
    const known = { yes: false }
    void early.until("known").then(() => {
      known.yes = true
    })
    while (!known.yes) await pool.api.say("known")
    const before = early.until("before") // then its supervisor has read all that was written until now
    await pool.api.say("before")
    await before
    early.off()
    const first = listen(pool)
    const begun = first.until("begun")
    const over = { yes: false }
    void begun.then(() => {
      over.yes = true
    })
    while (!over.yes) await pool.api.say("begun") // its supervisor has to be told first
    expect(first.lines()).not.toContain("before")
    first.off()
    const count = first.heard.length
    await pool.api.say("between")
    const second = listen(pool)
    const again = second.until("again")
    over.yes = false
    void again.then(() => {
      over.yes = true
    })
    while (!over.yes) await pool.api.say("again")
    expect(first.heard).toHaveLength(count)
  })

  it("hears the last words of a worker before its calls reject, and of the last one before the runner is down", async () => {
    const pool = talkPool()
    const { lines } = listen(pool)
    await expect(pool.api.sayAndExit(500)).rejects.toMatchObject({ reason: "crashed", evidence: { exitCode: 3 } })
    expect(lines().filter(line => line.startsWith("line "))).toHaveLength(500)
    expect(lines()).toContain("on stderr")
    expect(lines()).toContain("last words")
    const wordsAtTheEnd = new Promise<number>(resolve => {
      pool.on("runner:down", () => resolve(lines().filter(line => line === "last words").length))
    })
    for (let crash = 2; crash <= 5; crash++) await expect(pool.api.sayAndExit(1)).rejects.toThrow()
    expect(await wordsAtTheEnd).toBe(5)
  })
})

describe("what a runner writes", () => {
  const PROGRAM = fileURLToPath(new URL("../fixtures/programs/talker.mjs", import.meta.url))

  it.each(["quiet", "listen"])(
    "is all in the output of the program that has it, also before process.exit(): %s",
    async how => {
      const LINES = 40_000
      const options = { maxBuffer: 64 * 1024 * 1024 }
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM, how, String(LINES)], options)
      const lines = stdout.split("\n")
      expect(lines.filter(line => line.startsWith("line "))).toHaveLength(LINES)
      expect(lines).toContain("last words")
      expect(stderr).toContain("on stderr\n")
    },
  )

  it("beyond measure is left out and counted, and the connection does not suffer", async () => {
    const LINES = 500_000
    const child = spawn(process.execPath, [PROGRAM, "flood", String(LINES)], { stdio: ["ignore", "ignore", "pipe"] })
    let said = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    expect(await once(child, "close")).toEqual([0, null])
    const { received, dropped, warnings } = JSON.parse(said)
    expect(warnings).toEqual([])
    expect(received + dropped).toBe(LINES)
    expect(received).toBeGreaterThan(0)
    expect(dropped).toBeGreaterThan(0)
  })
})
