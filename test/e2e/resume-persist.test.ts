/** Resumable calls whose program dies: what they had is on disk, and the next program goes on from it. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { endPrograms, Program } from "../cluster/program.ts"
import { eventually, isAlive } from "./helpers.ts"

const PROGRAM = fileURLToPath(new URL("../fixtures/programs/persist.mjs", import.meta.url))
const TO = 30

interface Note {
  begun?: number
  from?: number
  pid?: number
  ppid?: number
  kept?: number
}

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "resume-persist-"))
})
afterEach(async () => {
  await endPrograms()
  for (const { pid, ppid } of starts()) for (const process of [ppid!, pid!]) await end(process)
  rmSync(dir, { recursive: true, force: true })
})

const ledger = () => join(dir, "ledger")
const state = () => join(dir, "slurm-flame")
const checkpoints = () => join(state(), "pools", "sweep", "checkpoints")
/** Without what a program that was killed had begun to write. */
const files = () =>
  existsSync(checkpoints()) ? readdirSync(checkpoints()).filter(name => !name.endsWith(".part")) : []

function notes(): Note[] {
  if (!existsSync(ledger())) return []
  const lines = readFileSync(ledger(), "utf8").split("\n").slice(0, -1) // the last one may be half a line
  return lines.map(line => JSON.parse(line) as Note)
}
const starts = () => notes().filter(note => note.begun !== undefined)
const kept = () => Math.max(0, ...notes().map(note => note.kept ?? 0))

async function end(pid: number): Promise<void> {
  if (isAlive(pid)) process.kill(pid, "SIGKILL")
  await eventually(() => !isAlive(pid), `process ${pid} to end`)
}

async function endRunner(): Promise<void> {
  const { pid, ppid } = starts().at(-1)!
  await Promise.all([end(ppid!), end(pid!)])
}

async function start(options: object = {}): Promise<Program> {
  const env = { ...process.env, XDG_STATE_HOME: dir } as Record<string, string>
  const program = new Program([process.execPath, PROGRAM], { name: "persist.mjs", cwd: dir, env })
  program.send({ do: "open", options: { max: 1, ...options }, module: "../modules/long.mjs" })
  await program.next("opened")
  return program
}

function count(program: Program, waits: object = {}, options: object = { id: "one" }): void {
  program.send({ do: "call", with: { resumable: true, ...options }, method: "count", args: [TO, ledger(), waits] })
}

async function kill(program: Program): Promise<void> {
  program.kill("SIGKILL")
  await program.result
}

async function close(program: Program): Promise<void> {
  program.send({ do: "close" })
  await program.next("closed")
  program.hangUp()
  expect(await program.result).toMatchObject({ code: 0 })
}

function result(): { digest: number[]; steps: number } {
  const digest = new Uint32Array(8)
  for (let n = 1; n <= TO; n++) for (let i = 0; i < 8; i++) digest[i] = Math.imul(digest[i]!, 31) + n + i
  return { digest: [...digest], steps: TO }
}

describe("a resumable call with an id, in a pool that persists", () => {
  it("goes on in the next program from its last checkpoint, when program and runner are killed", async () => {
    const first = await start()
    count(first)
    await eventually(() => kept() >= 7, "seven steps")
    await kill(first)
    await endRunner()
    const before = kept()
    expect(before).toBeLessThan(TO)
    expect(files()).toHaveLength(1)
    expect(statSync(checkpoints()).mode & 0o777).toBe(0o700)

    const second = await start()
    count(second)
    expect((await second.next("result")).value).toEqual(result())
    expect(starts()).toHaveLength(2)
    // What was kept and not yet said to be is newer by one at most.
    expect([before, before + 1]).toContain(starts()[1]!.from)
    await close(second)
    expect(readdirSync(join(state(), "pools"))).toEqual([])
  })

  it("keeps its states in the next program, too, where its runner lived on", async () => {
    const first = await start()
    count(first, { at: 5, gate: join(dir, "gate") })
    await eventually(() => kept() === 5, "five steps")
    await kill(first)
    const second = await start()
    count(second, { at: 5, gate: join(dir, "gate") })
    await second.next("runner:up")
    writeFileSync(join(dir, "gate"), "")
    await eventually(() => kept() >= 9, "four more")
    expect(starts()).toHaveLength(1) // the same run of it
    await endRunner()
    expect((await second.next("result")).value).toEqual(result())
    expect(starts()).toHaveLength(2)
    expect(starts()[1]!.from).toBeGreaterThanOrEqual(9)
    await close(second)
  })

  it("that failed goes on from its last checkpoint when it is called again, also after close()", async () => {
    const first = await start()
    count(first, { at: 11, fail: "no room for the model" })
    expect((await first.next("failed")).error).toMatchObject({ name: "RangeError" })
    await close(first)
    expect(files()).toHaveLength(1)
    const second = await start()
    count(second)
    expect((await second.next("result")).value).toEqual(result())
    expect(starts().map(({ from }) => from)).toEqual([0, 11])
    await close(second)
    expect(readdirSync(join(state(), "pools"))).toEqual([])
  })

  it("is refused where its checkpoint is damaged, which is left for who wants to look at it", async () => {
    const first = await start()
    count(first, { at: 11, fail: "no" })
    await first.next("failed")
    await close(first)
    const path = join(checkpoints(), files()[0]!)
    truncateSync(path, 200)
    const second = await start()
    count(second)
    const { error } = await second.next("failed")
    expect(error.code).toBe("ERR_FLAME_CHECKPOINT")
    expect(error.message).toContain(`the checkpoint of count() ${path} cannot be used`)
    expect(error.hint).toContain(`mv ${path} ${path}.bad`)
    expect(statSync(path).size).toBe(200)
    expect(starts()).toHaveLength(1)
    await close(second)
  })
})

describe("a resumable call without an id", () => {
  it("leaves nothing when it is over, nor when its program was killed and another comes", async () => {
    const first = await start({ persist: false })
    count(first, { at: 5, gate: join(dir, "gate") }, {})
    await eventually(() => kept() === 5, "five steps")
    expect(readdirSync(join(state(), "checkpoints"))).toHaveLength(1)
    await kill(first)
    await endRunner()
    const second = await start({ persist: false })
    count(second, {}, {})
    expect((await second.next("result")).value).toEqual(result())
    expect(starts().at(-1)!.from).toBe(0)
    await close(second)
    expect(readdirSync(join(state(), "checkpoints"))).toEqual([])
  })
})
