/** Pools that persist: the program is killed and started again, and finds its runners as it left them. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createPool } from "../../src/index.ts"
import { markOf } from "../../src/shared/process-mark.ts"
import { endPrograms, Program, type ProgramEvent } from "../cluster/program.ts"
import { eventually, isAlive } from "./helpers.ts"

const PROGRAM = fileURLToPath(new URL("../fixtures/programs/persist.mjs", import.meta.url))

interface Loaded {
  first: boolean
  loaded: string
  pid: number
  ppid: number
}

let dir: string
/** Processes of runners, to be gone after the test. */
let pids: number[]
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "persist-test-"))
  pids = []
})
afterEach(async () => {
  await endPrograms()
  for (const pid of pids) {
    if (isAlive(pid)) process.kill(pid, "SIGKILL")
    await eventually(() => !isAlive(pid), `process ${pid} to end`)
  }
  rmSync(dir, { recursive: true, force: true })
})

const pools = () => join(dir, "slurm-flame", "pools")
const poolDir = () => join(pools(), "sweep")
const ledger = () => join(dir, "ledger")
const gate = (name: string) => join(dir, `gate-${name}`)
const runs = () => (existsSync(ledger()) ? readFileSync(ledger(), "utf8").split("\n").slice(0, -1) : [])

/** Starts the program and opens its pool. */
async function start(options: object = {}, module?: string): Promise<Program> {
  const program = launch()
  program.send({ do: "open", options, module })
  await program.next("opened")
  return program
}

function launch(): Program {
  const env = { ...process.env, XDG_STATE_HOME: dir } as Record<string, string>
  return new Program([process.execPath, PROGRAM], { name: "persist.mjs", cwd: dir, env })
}

async function load(program: Program, value: string): Promise<Loaded> {
  program.send({ do: "call", method: "load", args: [value] })
  const { value: loaded } = await program.next("result")
  pids.push(loaded.pid, loaded.ppid)
  return loaded
}

/** Calls `work` under an id: it writes down that it runs, and ends when its gate is open. */
function work(program: Program, id: string, answer: string, open = false): void {
  program.send({
    do: "call",
    call: id,
    with: { id },
    method: "work",
    args: [ledger(), id, open ? null : gate(id), answer],
  })
}

const open = (id: string) => writeFileSync(gate(id), "")
const running = (...ids: string[]) => eventually(() => ids.every(id => runs().includes(id)), `${ids.join(", ")} to run`)

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

const up = async (program: Program): Promise<ProgramEvent["info"]> => (await program.next("runner:up")).info

describe("a pool that persists, whose program was killed", () => {
  it("has its runners back: the same processes, with what they had loaded", async () => {
    const first = await start({ max: 1 })
    const before = await load(first, "model")
    const { id } = await up(first)
    await kill(first)
    const second = await start({ max: 1 })
    expect(await load(second, "other")).toEqual({ ...before, first: false })
    expect(await up(second)).toMatchObject({ id, jobId: `local-${before.ppid}` })
    await close(second)
    expect(pids.filter(isAlive)).toEqual([])
    expect(readdirSync(pools())).toEqual([])
  })

  it("hands a call that was running to who asks for its id, and runs it once", async () => {
    const first = await start({ max: 1 })
    await load(first, "model")
    work(first, "a", "slow")
    await running("a")
    await kill(first)
    const second = await start({ max: 1 })
    work(second, "a", "again")
    await up(second)
    second.send({ do: "stats" })
    // It holds the slot that it had, so nothing runs beside it.
    expect((await second.next("stats")).runners).toMatchObject([{ inFlight: 1 }])
    work(second, "b", "next", true)
    open("a")
    expect(await second.next("result")).toMatchObject({ call: "a", value: { answer: "slow" } })
    expect(await second.next("result")).toMatchObject({ call: "b", value: { answer: "next" } })
    expect(runs()).toEqual(["a", "b"])
    await close(second)
  })

  it("has the checkpoints of a call that was running, and goes on from the last when its worker is lost as well", async () => {
    const steps = (program: Program) =>
      program.send({
        do: "call",
        call: "s",
        with: { id: "s", resumable: true },
        method: "steps",
        args: [ledger(), 100],
      })
    const kept = () => Math.max(0, ...runs().map(line => Number(/^kept (\d+)$/.exec(line)?.[1] ?? 0)))
    const begun = () => runs().flatMap(line => (line.startsWith("begin") ? [line.split(" ").slice(1).map(Number)] : []))
    const first = await start({ max: 1 })
    await load(first, "model")
    steps(first)
    await eventually(() => kept() >= 5, "the first checkpoints")
    await kill(first)
    const before = kept()
    const second = await start({ max: 1 })
    steps(second)
    await up(second)
    // The one that was on its way to the dead parent has come to this one, and those after it.
    await eventually(() => kept() >= before + 5, "checkpoints that the second program keeps")
    expect(begun()).toHaveLength(1)
    const there = kept()
    process.kill(begun()[0]![2]!, "SIGKILL")
    expect(await second.next("result")).toMatchObject({ call: "s", value: { n: 100 } })
    expect(begun()).toHaveLength(2)
    expect(begun()[1]![1]).toBeGreaterThanOrEqual(there)
    await close(second)
  })

  it("places no call that has an id before each runner has said what it has", async () => {
    const first = await start({ max: 2, min: 2 })
    work(first, "a", "slow")
    await running("a")
    await kill(first)
    const second = await start({ max: 2, min: 2 })
    work(second, "a", "again", true)
    for (const _ of [1, 2]) await up(second)
    open("a")
    const { value } = await second.next("result")
    expect(value).toMatchObject({ answer: "slow" })
    expect(runs()).toEqual(["a"])
    await close(second)
  })

  it("delivers what ended meanwhile: a result as it was, also a second time; a failure once, and then the call runs", async () => {
    const first = await start({ maxConcurrency: 4, max: 1 })
    await load(first, "model")
    work(first, "a", "early")
    work(first, "b", "throw")
    await running("a", "b")
    await kill(first)
    open("a")
    open("b")
    // Nobody says when they have ended; the file that shows it is not theirs.
    await new Promise(resolve => setTimeout(resolve, 300))
    const second = await start({ maxConcurrency: 4, max: 1 })
    for (const _ of [1, 2]) {
      work(second, "a", "again")
      expect(await second.next("result")).toMatchObject({ value: { answer: "early" } })
    }
    work(second, "b", "again")
    expect(await second.next("failed")).toMatchObject({
      call: "b",
      error: { message: expect.stringContaining("b failed") },
    })
    expect(runs()).toEqual(["a", "b"])
    work(second, "b", "again")
    expect(await second.next("result")).toMatchObject({ value: { answer: "again" } })
    expect(runs()).toEqual(["a", "b", "b"])
    await close(second)
  })

  it("keeps what a call gave when it ended, whatever its owner does to it later", async () => {
    const first = await start({ max: 1 })
    await load(first, "model")
    const bytes = (program: Program) =>
      program.send({ do: "call", with: { id: "bytes" }, method: "bytes", args: [ledger(), "bytes", 3] })
    bytes(first)
    await first.next("result")
    await kill(first)
    await new Promise(resolve => setTimeout(resolve, 100)) // longer than its owner takes
    const second = await start({ max: 1 })
    bytes(second)
    expect((await second.next("result")).value).toEqual({ 0: 1, 1: 1, 2: 1 })
    expect(runs()).toEqual(["bytes"])
    await close(second)
  })

  it("runs a call anew when the runner that had it is gone, and waits for nobody who will not come", async () => {
    const first = await start({ max: 1 })
    const before = await load(first, "model")
    work(first, "a", "lost")
    await running("a")
    await kill(first)
    process.kill(-before.ppid, "SIGKILL")
    await eventually(() => !isAlive(before.pid), "the runner to end")
    const second = await start({ max: 1 })
    work(second, "a", "anew", true)
    expect(await second.next("result")).toMatchObject({ value: { answer: "anew" } })
    expect(runs()).toEqual(["a", "a"])
    expect((await load(second, "other")).first).toBe(true)
    await close(second)
  })

  it("has a runner back whose worker crashed meanwhile, with a new one", async () => {
    const first = await start({ max: 1 })
    const before = await load(first, "model")
    await kill(first)
    process.kill(before.pid, "SIGKILL")
    await eventually(() => !isAlive(before.pid), "the worker to end")
    const second = await start({ max: 1 })
    const after = await load(second, "other")
    expect(after).toMatchObject({ first: true, ppid: before.ppid })
    await close(second)
  })

  it("has them back a third time, and after an end by an error or by exit()", async () => {
    const first = await start({ max: 1 })
    const before = await load(first, "model")
    first.send({ do: "throw" })
    expect(await first.result).toMatchObject({ code: 1 })
    const second = await start({ max: 1 })
    expect(await load(second, "second")).toEqual({ ...before, first: false })
    second.send({ do: "exit" })
    await second.result
    const third = await start({ max: 1 })
    expect(await load(third, "third")).toEqual({ ...before, first: false })
    await close(third)
    expect(pids.filter(isAlive)).toEqual([])
  })

  it("ends the runners that it cannot have, since they serve another module, and boots its own", async () => {
    const copy = join(dir, "module.mjs")
    const module = fileURLToPath(new URL("../fixtures/modules/persist.mjs", import.meta.url))
    const dist = new URL("../../dist/", import.meta.url).href
    const text = readFileSync(module, "utf8").replace("../../../dist/", dist)
    writeFileSync(copy, text)
    const first = await start({ max: 1 }, `file://${copy}`)
    const before = await load(first, "model")
    await kill(first)
    writeFileSync(copy, `${text}\nexport const version = 2\n`)
    const second = await start({ max: 1 }, `file://${copy}`)
    expect(await load(second, "other")).toMatchObject({ first: true, loaded: "other" })
    await eventually(() => !isAlive(before.ppid), "the old runner to end")
    await close(second)
    expect(readdirSync(pools())).toEqual([])
  })

  it("leaves nothing running when no other program comes in time", async () => {
    const first = await start({ max: 1, orphanTimeout: "1s", heartbeat: "200ms" })
    await load(first, "model")
    work(first, "a", "slow") // is aborted
    await running("a")
    await kill(first)
    open("a")
    for (const pid of pids) await eventually(() => !isAlive(pid), `${pid} to end`)
    // What is left in the directory is in nobody's way.
    const second = await start({ max: 1 })
    expect((await load(second, "other")).first).toBe(true)
    await close(second)
    expect(readdirSync(pools())).toEqual([])
  })
})

describe("a pool that persists", () => {
  it("belongs to one program at a time", async () => {
    const first = await start({ max: 1 })
    const before = await load(first, "model")
    const second = launch()
    second.send({ do: "open", options: { max: 1 } })
    expect(await second.next("failed")).toMatchObject({
      error: {
        code: "ERR_FLAME_STATE",
        message: expect.stringContaining(`held by another program that runs: pid ${first.pid}`),
      },
    })
    expect(await load(first, "other")).toEqual({ ...before, first: false })
    await kill(first)
    second.send({ do: "open", options: { max: 1 } })
    await second.next("opened")
    expect(await load(second, "other")).toEqual({ ...before, first: false })
    await close(second)
  })

  it("is not shared, also where somebody has deleted the mark of a program that only stood still", async () => {
    const first = await start({ max: 1, heartbeat: "200ms", reconnectTimeout: "2s" })
    const before = await load(first, "model")
    work(first, "a", "slow")
    await running("a")
    first.kill("SIGSTOP")
    const [mark] = readdirSync(poolDir()).filter(name => name.startsWith("epoch-"))
    rmSync(join(poolDir(), mark!))
    const second = await start({ max: 1, idleShutdownAfter: "infinity" }) // the first one takes its time to give up
    await up(second)
    open("a")
    work(second, "a", "again")
    expect((await second.next("result")).value).toMatchObject({ answer: "slow" })
    first.kill("SIGCONT")
    // It finds its runner gone, and lets it be; nor can it have others.
    expect(await first.next("failed")).toMatchObject({ call: "a", error: { code: "ERR_FLAME_RUNNER_LOST" } })
    first.send({ do: "call", call: "more", method: "load", args: ["mine"] })
    expect(await first.next("failed")).toMatchObject({ call: "more", error: { code: "ERR_FLAME_STATE" } })
    expect(await load(second, "other")).toEqual({ ...before, first: false })
    expect(runs()).toEqual(["a"])
    await kill(first)
    await close(second)
    expect(readdirSync(pools())).toEqual([])
  }, 120_000)

  it("shows its keys to nobody else, and takes nothing that others could have read or written", async () => {
    const first = await start({ max: 1 })
    await load(first, "model")
    const modes = Object.fromEntries(
      readdirSync(poolDir()).map(name => [name.replace(/-.*/, ""), statSync(join(poolDir(), name)).mode & 0o777]),
    )
    expect(modes).toEqual({ epoch: 0o600, "parent.json": 0o600, runner: 0o600 })
    expect(statSync(poolDir()).mode & 0o777).toBe(0o700)
    await kill(first)
    const second = launch()
    const refused = async (path: string, mode: number) => {
      const { mode: right } = statSync(path)
      chmodSync(path, mode)
      second.send({ do: "open", options: { max: 1 } })
      const { error } = await second.next("failed")
      expect(error).toMatchObject({ code: "ERR_FLAME_STATE", message: expect.stringContaining(path) })
      expect(error.hint).toContain("chmod")
      chmodSync(path, right & 0o777)
    }
    await refused(poolDir(), 0o750)
    await refused(pools(), 0o770)
    const record = readdirSync(poolDir()).find(name => name.startsWith("runner-"))!
    await refused(join(poolDir(), record), 0o640)
    second.send({ do: "open", options: { max: 1 } })
    await second.next("opened")
    await close(second)
  })

  it("runs a call once for all who ask for its id at the same time, and knows it from another", async () => {
    const program = await start({ max: 2 })
    work(program, "a", "once")
    work(program, "a", "twice")
    await running("a")
    program.send({ do: "call", call: "x", with: { id: "a" }, method: "load", args: ["m"] })
    expect(await program.next("failed")).toMatchObject({ call: "x", error: { code: "ERR_FLAME_STATE" } })
    open("a")
    for (const _ of [1, 2]) expect(await program.next("result")).toMatchObject({ call: "a", value: { answer: "once" } })
    work(program, "a", "later")
    expect(await program.next("result")).toMatchObject({ call: "a", value: { answer: "once" } })
    expect(runs()).toEqual(["a"])
    program.send({ do: "call", call: "x", with: { id: "a" }, method: "load", args: ["m"] })
    expect(await program.next("failed")).toMatchObject({
      call: "x",
      error: { message: expect.stringContaining('"a" is that of a call to work(), not load()') },
    })
    work(program, "s", "stream", true)
    expect(await program.next("failed")).toMatchObject({ call: "s", error: { code: "ERR_FLAME_NOT_SERIALIZABLE" } })
    await close(program)
  })

  it("holds the program while it waits for what its idle runner already has", async () => {
    const asksAgain = fileURLToPath(new URL("../fixtures/programs/asks-again.mjs", import.meta.url))
    const program = new Program([process.execPath, asksAgain], {
      name: "asks-again.mjs",
      cwd: dir,
      env: { ...process.env, XDG_STATE_HOME: dir } as Record<string, string>,
    })
    expect(await program.result).toMatchObject({ code: 0, stdout: expect.stringContaining("the same") })
  })

  it("goes to one of many who take it from a dead parent at the same time", async () => {
    const dead = { ...markOf(process.pid), started: "1", since: 0 }
    writeFileSync(join(dir, "epoch-7"), JSON.stringify(dead))
    const program = fileURLToPath(new URL("../fixtures/programs/take-epoch.mjs", import.meta.url))
    const children = Array.from({ length: 6 }, () =>
      fork(program, [dir], { stdio: ["ignore", "ignore", "inherit", "ipc"] }),
    )
    await Promise.all(children.map(child => once(child, "message"))) // all are there
    const answers = children.map(child => once(child, "message"))
    for (const child of children) child.send("go")
    const said = (await Promise.all(answers)).map(([answer]) => answer as number | string)
    expect(said.filter(answer => typeof answer === "number")).toHaveLength(1)
    for (const answer of said)
      if (typeof answer === "string") expect(answer).toMatch(/held by another program that runs/)
    const [name] = readdirSync(dir)
    expect(readdirSync(dir)).toHaveLength(1)
    const winner = children[said.findIndex(answer => typeof answer === "number")]!
    expect(JSON.parse(readFileSync(join(dir, name!), "utf8")).pid).toBe(winner.pid)
    for (const child of children) child.disconnect()
  })

  it.each([
    ["persist without a name", { persist: true }, {}, "name"],
    ["persist with singleUse", { persist: true, name: "p", singleUse: true }, {}, "persist"],
    ["an id where nothing persists", {}, { id: "a" }, "id"],
  ])("is not made of %s", (_, options, call, option) => {
    const module = new URL("../fixtures/modules/persist.mjs", import.meta.url)
    expect(() => createPool({ module, max: 1, logger: false, ...options }).with(call)).toThrowError(
      expect.objectContaining({ code: "ERR_FLAME_OPTION", option }),
    )
  })
})
