/** A runner against real sockets and a job that only exists on paper: the orders of events that a real one shows only by chance. */
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { WebSocket } from "ws"
import { Hub } from "../../src/parent/hub.ts"
import { LogDesk, type LogLine } from "../../src/parent/log-desk.ts"
import { silentLogger } from "../../src/parent/logger.ts"
import { ModuleSource } from "../../src/parent/module-source.ts"
import { PoolRunner } from "../../src/parent/runner.ts"
import type { Backend, Job, JobStatus } from "../../src/shared/backend.ts"
import { BOOT_VARIABLE, type BootConfig, decodeBoot } from "../../src/shared/boot.ts"
import { dial } from "../../src/transport/dial.ts"
import { CloseCode, PROTOCOL_VERSION } from "../../src/transport/protocol.ts"

/** A job that is pending until its end is wanted. */
class PaperJob implements Job {
  readonly id = "77"
  readonly requeues: boolean
  constructor(requeues: boolean) {
    this.requeues = requeues
  }
  status: JobStatus = { state: "pending" }
  readonly #listeners: ((status: JobStatus) => void)[] = []
  #ended!: (status: JobStatus & { state: "ended" }) => void
  readonly #end = new Promise<JobStatus & { state: "ended" }>(resolve => {
    this.#ended = resolve
  })
  onStatus(listener: (status: JobStatus) => void) {
    this.#listeners.push(listener)
    return () => {}
  }
  async ask() {
    return this.status
  }
  readonly interest: ("watch" | "rest")[] = []
  attend(interest: "watch" | "rest") {
    this.interest.push(interest)
  }
  ended() {
    return this.#end
  }
  /** The scheduler's news. */
  tell(status: JobStatus) {
    this.status = status
    for (const listener of this.#listeners) listener(status)
  }
  async cancel() {
    const status = { state: "ended", outcome: "cancelled", evidence: {} } as const
    this.tell(status)
    this.#ended(status)
  }
  async stderrTail() {
    return ""
  }
}

const sockets: WebSocket[] = []
let hub: Hub | undefined
afterEach(() => {
  for (const ws of sockets.splice(0)) ws.terminate()
  hub?.close()
  vi.useRealTimers()
})

/** Boots a runner whose programs the test plays itself. */
async function boot(logs?: LogDesk, requeues = false) {
  const open = await Hub.open("127.0.0.1", () => {})
  hub = open
  const told: string[] = []
  let submitted!: (config: BootConfig) => void
  const config = new Promise<BootConfig>(resolve => {
    submitted = resolve
  })
  let made!: (job: PaperJob) => void
  const job = new Promise<PaperJob>(resolve => {
    made = resolve
  })
  const backend: Backend = {
    name: "paper",
    network: "fabric",
    validate() {},
    cancelSync() {},
    async submit(spec) {
      submitted(decodeBoot(spec.secretEnv[BOOT_VARIABLE]))
      const paper = new PaperJob(requeues)
      made(paper)
      return paper
    },
  }
  let up!: () => void
  const ready = new Promise<void>(resolve => {
    up = resolve
  })
  const runner = new PoolRunner(
    {
      runnerId: "paper-1",
      serial: 1,
      pool: "paper",
      backend,
      module: new ModuleSource(fileURLToPath(import.meta.url), false),
      hub: async () => open,
      entry: "/nowhere",
      env: {},
      logger: silentLogger,
      maxConcurrency: 1,
      heartbeatMs: 60_000,
      reconnectMs: 60_000,
      silenceMs: 60_000,
      orphanGraceMs: 0,
      logs,
      unlinkedGraceMs: 0,
      bootTimeoutMs: Number.POSITIVE_INFINITY,
    },
    {
      moved() {},
      loaded() {},
      ready() {
        told.push("ready")
        up()
      },
      draining: () => void told.push("draining"),
      freed() {},
      restarting: (_, requeued) => void told.push(requeued ?? "restarting"),
      gone: () => void told.push("gone"),
    },
  )
  void runner.boot()
  return { runner, ready, told, job, config: await config }
}

/** One of the runner's two programs, played by the test. */
async function play(config: BootConfig, kind: "control" | "data") {
  const key = Buffer.from(config.key, "base64")
  const [address] = config.addresses
  const ws = await dial({ ...address!, kind, identity: config.runnerId, key })
  sockets.push(ws)
  const messages: { t: string }[] = []
  const waiters: { t: string; resolve: (message: unknown) => void }[] = []
  ws.on("message", data => {
    const text = String(data)
    if (!text.startsWith("{")) return // an acknowledgement, or what the session says
    const message = JSON.parse(text) as { t: string }
    messages.push(message)
    for (const waiter of waiters) if (waiter.t === message.t) waiter.resolve(message)
  })
  return {
    /** The kinds of what the parent has said. */
    said: () => messages.map(({ t }) => t).filter(t => t !== "deadline"),
    say: (message: object) => ws.send(JSON.stringify(message)),
    hears: (t: string) =>
      new Promise<any>(resolve => {
        const said = messages.find(message => message.t === t)
        if (said) resolve(said)
        else waiters.push({ t, resolve })
      }),
    close: () => ws.close(4000),
    /** As the network does it. */
    cut: () => ws.terminate(),
    closed: new Promise<number>(resolve => ws.once("close", resolve)),
    /** How the parent answers a ping: after all that was said before it, or not at all. */
    heard: () =>
      new Promise<"pong" | "cut">(resolve => {
        ws.once("pong", () => resolve("pong"))
        ws.once("close", () => resolve("cut"))
        ws.ping()
      }),
  }
}

const hello = {
  control: { t: "hello", v: PROTOCOL_VERSION, runnerId: "paper-1", jobId: "77", node: "n1", pid: 1 },
  data: { t: "hello", v: PROTOCOL_VERSION, runnerId: "paper-1", pid: 2, generation: 0 },
}

/** The supervisor, with its line to the parent. */
async function supervise(config: BootConfig) {
  const supervisor = await play(config, "control")
  supervisor.say(hello.control)
  await supervisor.hears("welcome")
  return supervisor
}

/** The worker, which says that it serves. */
async function serve(config: BootConfig) {
  const worker = await play(config, "data")
  worker.say(hello.data)
  await worker.hears("welcome")
  worker.say({ t: "ready", exports: ["f"] })
  return worker
}

describe("a runner whose worker is faster than its supervisor", () => {
  it("is ready as soon as the worker serves, while Slurm still says pending", async () => {
    const { config, ready, runner } = await boot()
    await serve(config)
    await ready
    expect(runner.state).toBe("ready")
  })

  it("is left to the scheduler's eyes until there is a supervisor to tell of its end", async () => {
    const { config, ready, job, runner } = await boot()
    const worker = await serve(config)
    await ready
    const paper = await job
    const running = { state: "running", node: "n1", endsAt: Date.now() + 600_000 } as const
    paper.tell(running)
    expect(paper.interest).not.toContain("rest")
    const supervisor = await supervise(config)
    expect(paper.interest.at(-1)).toBe("rest")
    supervisor.cut()
    await expect.poll(() => paper.interest.at(-1)).toBe("watch")
    paper.tell(running) // no news
    expect(paper.interest.at(-1)).toBe("watch")
    worker.cut()
    await paper.cancel()
    expect((await runner.closed).reason).toBe("cancelled")
  })

  it("drains although the supervisor had no line when it was asked to", async () => {
    const { config, ready, runner, told } = await boot()
    const worker = await serve(config)
    await ready
    const over = runner.shutdown("close", 60_000)
    const supervisor = await play(config, "control")
    supervisor.say(hello.control)
    expect(await supervisor.hears("drain")).toEqual({ t: "drain", reason: "close", graceMs: 60_000 })
    worker.close()
    supervisor.say({ t: "bye", reason: "close", cut: false })
    await runner.closed
    expect(told).toEqual(["ready", "draining", "gone"])
    await runner.job?.cancel() // what the supervisor's exit would do
    await over
  })
})

describe("news of a worker's end", () => {
  it("that overtakes its last answer waits for it", async () => {
    const { config, ready, told } = await boot()
    const supervisor = await supervise(config)
    await serve(config)
    await ready
    supervisor.say({ t: "worker-exit", code: 3, signal: null, stderr: "", restart: true })
    supervisor.say({ t: "draining", reason: "cancelled", leftMs: 1 }) // read after it, on the same socket
    await expect.poll(() => told).toContain("draining")
    expect(told).not.toContain("restarting")
  })

  it("makes a second worker welcome, and a second supervisor not", async () => {
    const { config, ready, runner } = await boot()
    const supervisor = await supervise(config)
    await serve(config)
    await ready
    const again = await play(config, "data")
    const closed = new Promise<number>(resolve => sockets.at(-1)?.once("close", resolve))
    again.say(hello.data) // the same generation: somebody else with the same key
    expect(await closed).toBe(4001)
    const other = await play(config, "control")
    const closed2 = new Promise<number>(resolve => sockets.at(-1)?.once("close", resolve))
    other.say(hello.control)
    expect(await closed2).toBe(4001)
    expect(runner.state).toBe("ready")
    const next = await play(config, "data")
    next.say({ ...hello.data, generation: 1 })
    supervisor.say({ t: "worker-exit", code: 3, signal: null, stderr: "", restart: true })
    sockets[1]?.terminate()
    expect(await next.hears("welcome")).toMatchObject({ t: "welcome" })
  })

  it("is told before the next worker serves, which may be there first", async () => {
    const { config, ready, told, runner } = await boot()
    const supervisor = await supervise(config)
    const worker = await serve(config)
    await ready
    worker.cut()
    await supervisor.hears("relink")
    const next = await play(config, "data")
    next.say({ ...hello.data, generation: 1 })
    expect(await next.heard()).toBe("pong") // read, and not let in
    expect(told).toEqual(["ready"])
    supervisor.say({ t: "worker-exit", code: 3, signal: null, stderr: "", restart: true })
    await next.hears("welcome")
    expect(told).toEqual(["ready", "restarting"])
    next.say({ t: "ready", exports: ["f"] })
    await expect.poll(() => told).toEqual(["ready", "restarting", "ready"])
    expect(runner.evidence).not.toHaveProperty("exitCode") // that was of the worker before
    expect(await next.heard()).toBe("pong") // nobody takes its line for that of the one before
  })
})

/** A runner that serves, with both of its programs, and a clock that only the test moves. */
async function serving() {
  const booted = await boot()
  const supervisor = await play(booted.config, "control")
  supervisor.say(hello.control)
  await supervisor.hears("welcome")
  const worker = await play(booted.config, "data")
  worker.say(hello.data)
  await worker.hears("welcome")
  worker.say({ t: "ready", exports: ["f"] })
  await booted.ready
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
  return { ...booted, supervisor, worker }
}

/** A second passes, and everybody has a turn. */
async function second(): Promise<void> {
  vi.advanceTimersByTime(1_000)
  await new Promise(resolve => setImmediate(resolve))
  await new Promise(resolve => setImmediate(resolve))
}

describe("a connection that is cut", () => {
  async function whole() {
    const booted = await boot()
    const supervisor = await supervise(booted.config)
    const worker = await serve(booted.config)
    await booted.ready
    return { ...booted, supervisor, worker, paper: await booted.job }
  }

  it("to the worker leaves it its line and the runner its state; the supervisor is told", async () => {
    const { config, runner, told, supervisor, worker } = await whole()
    const { line } = await worker.hears("welcome")
    worker.cut()
    expect(await supervisor.hears("relink")).toEqual({ t: "relink", generation: 0 })
    expect([runner.state, runner.free]).toEqual(["ready", 0]) // no work for it now
    const again = await play(config, "data")
    again.say({ ...hello.data, resume: { line, received: 0 } })
    expect(await again.hears("resumed")).toEqual({ t: "resumed", received: 1 }) // its "ready"
    expect([runner.state, runner.free]).toEqual(["ready", 1])
    expect(told).toEqual(["ready"])
  })

  it("is replaced by one for the same line only", async () => {
    const { config, worker, supervisor, runner } = await whole()
    const { line } = await worker.hears("welcome")
    worker.cut()
    await supervisor.hears("relink")
    for (const hostile of [
      { ...hello.data, resume: { line: line.replace(/^./, "x"), received: 0 } },
      { ...hello.data, resume: { line, received: 0 }, generation: 1 },
      hello.data, // its line is in use, though its connection is not
    ]) {
      const other = await play(config, "data")
      other.say(hostile)
      expect(await other.closed).toBe(4001)
    }
    expect([runner.state, runner.free]).toEqual(["ready", 0])
    const again = await play(config, "data")
    again.say({ ...hello.data, resume: { line, received: 0 } })
    await again.hears("resumed")
    expect(runner.free).toBe(1)
  })

  it("ends when who knows its name claims more than was ever sent: the worker has to be replaced", async () => {
    const { config, worker, supervisor, runner } = await whole()
    const { line } = await worker.hears("welcome")
    worker.cut()
    await supervisor.hears("relink")
    const liar = await play(config, "data")
    liar.say({ ...hello.data, resume: { line, received: 99 } })
    expect(await liar.closed).toBe(4002)
    expect(await supervisor.hears("reset")).toEqual({ t: "reset", generation: 0 })
    expect([runner.state, runner.free]).toEqual(["ready", 0])
  })

  it("takes over from one that is not known to be cut", async () => {
    const { config, worker, runner } = await whole()
    const { line } = await worker.hears("welcome")
    const again = await play(config, "data")
    again.say({ ...hello.data, resume: { line, received: 0 } })
    await again.hears("resumed")
    expect(await worker.closed).toBe(CloseCode.superseded)
    expect([runner.state, runner.free]).toEqual(["ready", 1])
  })

  it("to the supervisor is no end: it comes again, and what it missed is said again", async () => {
    const { config, runner, told, supervisor, paper } = await whole()
    const { line } = await supervisor.hears("welcome")
    supervisor.cut()
    await expect.poll(() => paper.interest.at(-1)).toBe("watch") // the scheduler may know more
    const over = runner.shutdown("close", 60_000)
    const again = await play(config, "control")
    again.say({ ...hello.control, resume: { line, received: 0 } })
    expect(await again.hears("resumed")).toEqual({ t: "resumed", received: 0 })
    expect(await again.hears("drain")).toEqual({ t: "drain", reason: "close", graceMs: 60_000 })
    expect(told).toEqual(["ready", "draining"])
    await paper.cancel()
    await runner.closed
    await over
  })

  it("before the welcome was heard makes way for another hello", async () => {
    const { config } = await boot()
    const first = await supervise(config)
    first.cut()
    let answer: unknown
    do {
      // The parent may not have noticed yet that the first is gone.
      const next = await play(config, "control")
      next.say(hello.control)
      answer = await Promise.race([next.hears("welcome"), next.closed])
    } while (answer === 4001)
    expect(answer).toMatchObject({ t: "welcome" })
  })

  it("to the supervisor for longer than `reconnectTimeout` ends the runner", async () => {
    const { runner, told, supervisor, paper } = await whole()
    supervisor.cut()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    while (paper.interest.at(-1) !== "watch") await new Promise(resolve => setImmediate(resolve))
    for (let s = 0; s < 60; s++) await second()
    expect(told).toEqual(["ready"]) // the scheduler has a moment to say why
    for (let s = 0; s < 3; s++) await second()
    expect(told).toEqual(["ready", "gone"])
    expect((await runner.closed).reason).toBe("connection-lost")
  })

  it("is explained by the job's end, when that is the cause", async () => {
    const { runner, supervisor, worker, paper } = await whole()
    worker.cut()
    supervisor.cut()
    await paper.cancel()
    expect((await runner.closed).reason).toBe("cancelled")
  })

  it("to a worker that has ended is no cut: nobody waits for another", async () => {
    const { told, supervisor, worker } = await whole()
    worker.cut()
    await supervisor.hears("relink")
    supervisor.say({ t: "worker-exit", code: null, signal: "SIGKILL", stderr: "", restart: true })
    expect(await supervisor.heard()).toBe("pong")
    expect(told).toEqual(["ready", "restarting"])
  })
})

describe("last words that take long", () => {
  it("of a worker are heard out, and what came after them waits", async () => {
    const { supervisor, worker, config, told } = await serving()
    supervisor.say({ t: "worker-exit", code: 3, signal: null, stderr: "", restart: true })
    expect(await supervisor.heard()).toBe("pong")
    const next = await play(config, "data")
    next.say({ ...hello.data, generation: 1 })
    expect(await next.heard()).toBe("pong")
    for (let s = 0; s < 6; s++) {
      worker.say({ t: "ready", exports: ["f"] }) // anything at all
      expect(await worker.heard()).toBe("pong")
      await second()
    }
    expect(told).toEqual(["ready"])
    worker.close()
    expect(await next.hears("welcome")).toMatchObject({ t: "welcome" })
    expect(told).toEqual(["ready", "restarting"])
  })

  it("of a worker end with its silence", async () => {
    const { supervisor, told } = await serving()
    supervisor.say({ t: "worker-exit", code: 3, signal: null, stderr: "", restart: true })
    expect(await supervisor.heard()).toBe("pong")
    const cut = new Promise(resolve => sockets.at(-1)?.once("close", resolve))
    for (let s = 0; s < 2; s++) await second()
    await cut
    expect(told).toEqual(["ready", "restarting"])
  })

  it("come before a goodbye, also when its socket is gone by then", async () => {
    const { supervisor, worker, runner, told } = await serving()
    supervisor.say({ t: "bye", reason: "idle", cut: false })
    expect(await supervisor.heard()).toBe("pong")
    const closed = new Promise(resolve => sockets[0]?.once("close", resolve))
    supervisor.close()
    await closed
    for (let s = 0; s < 6; s++) {
      worker.say({ t: "ready", exports: ["f"] })
      expect(await worker.heard()).toBe("pong")
      await second()
    }
    expect(told).toEqual(["ready"])
    worker.close()
    expect((await runner.closed).reason).toBe("idle")
  })

  it("of a job are heard out, until there are no more", async () => {
    const { worker, runner, job, told } = await serving()
    await (await job).cancel()
    for (let s = 0; s < 6; s++) {
      worker.say({ t: "ready", exports: ["f"] })
      expect(await worker.heard()).toBe("pong")
      await second()
    }
    expect(told).toEqual(["ready"])
    for (let s = 0; s < 2; s++) await second()
    await runner.closed
    expect(told).toEqual(["ready", "gone"])
  })
})

describe("news of the job's end", () => {
  it("that overtakes what the runner said last waits for it", async () => {
    const { config, ready, runner, job, told } = await boot()
    const supervisor = await supervise(config)
    const worker = await serve(config)
    await ready
    await (await job).cancel() // squeue says that it is over, while both sockets still hold what was said
    expect(told).toEqual(["ready"])
    worker.close()
    supervisor.say({ t: "bye", reason: "walltime", cut: false })
    expect((await runner.closed).reason).toBe("walltime")
  })
})

describe("what a worker writes", () => {
  it("is asked for while somebody listens, and brought to the desk", async () => {
    const lines: LogLine[] = []
    const desk = new LogDesk(line => lines.push(line))
    const { config, runner } = await boot(desk)
    const supervisor = await play(config, "control")
    supervisor.say(hello.control)
    expect(await supervisor.hears("welcome")).toMatchObject({ log: false })
    desk.want(true)
    expect(await supervisor.hears("listen")).toEqual({ t: "listen", log: true })
    supervisor.say({ t: "log", stream: "stderr", lines: ["a", ""] })
    expect(await supervisor.heard()).toBe("pong")
    const from = { runnerId: runner.id, jobId: "77", stream: "stderr" }
    expect(lines).toEqual([
      { ...from, line: "a" },
      { ...from, line: "" },
    ])
    desk.want(false)
    supervisor.say({ t: "log", stream: "stdout", lines: ["too late"] })
    expect(await supervisor.heard()).toBe("pong")
    expect(lines).toHaveLength(2)
    await runner.job?.cancel()
    await runner.closed
    desk.want(true) // a runner that is gone is not told
  })

  it("is asked for in the welcome when somebody listens already", async () => {
    const desk = new LogDesk(() => {})
    desk.want(true)
    const { config } = await boot(desk)
    const supervisor = await play(config, "control")
    supervisor.say(hello.control)
    expect(await supervisor.hears("welcome")).toMatchObject({ log: true })
  })

  it.each([
    { t: "log", stream: "stdin", lines: [] },
    { t: "log", stream: "stdout", lines: [1] },
    { t: "log", stream: "stdout", lines: "a" },
    { t: "log", lines: ["a"] },
  ])("is no way to say %o", async message => {
    const { config } = await boot()
    const supervisor = await supervise(config)
    supervisor.say(message)
    expect(await supervisor.closed).toBe(4002)
  })
})

describe("the end of its job", () => {
  it("is told to the supervisor as what is left, whenever there is a connection and when it moves", async () => {
    const { config, job } = await boot()
    const supervisor = await supervise(config)
    const paper = await job
    paper.tell({ state: "running", node: "n1", endsAt: Date.now() + 60_000 })
    const { leftMs } = await supervisor.hears("deadline")
    expect(Math.abs(leftMs - 60_000)).toBeLessThan(5_000)
    const { line } = await supervisor.hears("welcome")
    supervisor.cut()
    const again = await play(config, "control")
    again.say({ ...hello.control, resume: { line, received: 1 } }) // what was said before has come
    await again.hears("deadline")
  })

  it("is asked for when the supervisor wants to know, and it is told whether the job runs", async () => {
    const { config, job, runner } = await boot()
    const supervisor = await supervise(config)
    const paper = await job
    paper.status = { state: "running", node: "n1", endsAt: Date.now() + 120_000 } // nobody has asked yet
    supervisor.say({ t: "ask", signalled: true })
    expect(await supervisor.hears("answer")).toEqual({ t: "answer", runs: true })
    expect((await supervisor.hears("deadline")).leftMs).toBeGreaterThan(100_000)
    expect(runner.info.deadline!.getTime()).toBeGreaterThan(Date.now() + 100_000)
  })

  it("is on this clock; how wrong that of the node is, is known as well", async () => {
    const { config, runner } = await boot()
    const supervisor = await play(config, "control")
    supervisor.say({ ...hello.control, clock: Date.now() + 3_600_000 })
    await supervisor.hears("welcome")
    expect(await supervisor.heard()).toBe("pong")
    expect(Math.abs(runner.info.clockSkewMs! - 3_600_000)).toBeLessThan(30_000)
  })

  it("was the reason after all, of a runner that took the warning for a cancel: it says so in its goodbye", async () => {
    const { runner, supervisor, worker } = await served()
    supervisor.say({ t: "draining", reason: "cancelled", leftMs: 1_000 })
    worker.close()
    supervisor.say({ t: "bye", reason: "walltime", cut: true })
    supervisor.close()
    await expect.poll(() => runner.goneReason).toBe("walltime")
  })
})

/** A runner whose job may be requeued, with both of its programs in this incarnation. */
async function served(incarnation = 0) {
  const booted = await boot(undefined, true)
  const { config } = booted
  const supervisor = await play(config, "control")
  supervisor.say({ ...hello.control, incarnation })
  await supervisor.hears("welcome")
  const worker = await play(config, "data")
  worker.say({ ...hello.data, incarnation })
  await worker.hears("welcome")
  worker.say({ t: "ready", exports: ["f"] })
  await booted.ready
  const paper = await booted.job
  paper.tell(RUNNING)
  return { ...booted, supervisor, worker, paper }
}

const RUNNING = { state: "running", node: "n1", endsAt: Date.now() + 600_000 } as const
const AGAIN = { state: "pending", again: true } as const
const NODE_FAIL = { state: "ended", outcome: "node-fail", evidence: { slurmState: "NODE_FAIL" } } as const

describe("incarnations", () => {
  const { fenced, refused } = CloseCode
  const strange = { line: "f".repeat(32), received: 0 }
  it.each([
    ["control", { incarnation: 0 }, fenced],
    ["control", {}, fenced], // what is left out is the first
    ["control", { incarnation: 0, resume: strange }, fenced],
    ["control", { incarnation: 1 }, refused],
    ["control", { incarnation: 1, resume: strange }, refused],
    ["control", { incarnation: 2, resume: strange }, refused],
    ["data", { incarnation: 0, generation: 7 }, fenced],
    ["data", { generation: 7 }, fenced],
    ["data", { incarnation: 0, resume: strange }, fenced],
    ["data", { incarnation: 1 }, refused],
    ["data", { incarnation: 1, resume: strange }, refused],
    ["data", { incarnation: 2, resume: strange }, refused],
    ["control", { incarnation: -1 }, CloseCode.protocol],
    ["data", { incarnation: 0.5 }, CloseCode.protocol],
  ] as const)("beside the first, on %s, %o is refused with %i and changes nothing", async (kind, claim, code) => {
    const { config, runner, told } = await served(1)
    const other = await play(config, kind)
    other.say({ ...hello[kind], ...claim })
    expect(await other.closed).toBe(code)
    expect([runner.state, runner.free]).toEqual(["ready", 1])
    expect(told).toEqual(["ready"])
  })

  it.each(["control", "data"] as const)("a later one is the runner as soon as its %s says hello", async kind => {
    const { config, runner, told, supervisor, worker } = await served(0)
    const { line } = await worker.hears("welcome")
    const lost = new Promise(resolve => {
      runner.hold(
        ({ client }) => void client.apply(["f"], [], { resolve, reject: resolve, done() {} }),
        () => {},
      )
    })
    const next = await play(config, kind)
    next.say({ ...hello[kind], incarnation: 3 })
    await next.hears("welcome")
    expect([await supervisor.closed, await worker.closed]).toEqual([fenced, fenced])
    expect(await lost).toMatchObject({ code: "ERR_FLAME_RUNNER_LOST", reason: "requeued", started: true })
    expect(told).toEqual(["ready", "requeued"])
    expect(runner.state).toBe("booting")
    const other = kind === "control" ? "data" : "control"
    const second = await play(config, other)
    second.say({ ...hello[other], incarnation: 3 }) // generations begin at 0 again
    await second.hears("welcome")
    const old = await play(config, "data")
    old.say({ ...hello.data, resume: { line, received: 1 } })
    expect(await old.closed).toBe(fenced)
    ;(kind === "data" ? next : second).say({ t: "ready", exports: ["f"] })
    await expect.poll(() => runner.state).toBe("ready")
    expect(told).toEqual(["ready", "requeued", "ready"])
  })

  it("of a runner that the pool has let go are told to drain as the first was", async () => {
    const { config, runner } = await served()
    const over = runner.shutdown("close", 60_000)
    const next = await play(config, "control")
    next.say({ ...hello.control, incarnation: 1 })
    expect((await runner.closed).reason).toBe("close")
    await next.closed
    await over
  })
})

describe("a job that goes back into the queue", () => {
  it("after its supervisor's goodbye: the runner is the pool's own still, and who was there is fenced", async () => {
    const { config, runner, told, supervisor, worker, paper } = await served()
    supervisor.say({ t: "draining", reason: "cancelled", leftMs: 1_000 })
    worker.close()
    supervisor.say({ t: "bye", reason: "cancelled", cut: true })
    expect(await supervisor.heard()).toBe("pong")
    expect(runner.state).toBe("draining") // nobody has said yet what becomes of it
    paper.tell({ ...RUNNING, ending: true })
    supervisor.close()
    paper.tell(AGAIN)
    await expect.poll(() => runner.state).toBe("pending")
    expect(told).toEqual(["ready", "draining", "requeued"])
    expect(paper.interest.at(-1)).toBe("watch")
    const old = await play(config, "control")
    old.say(hello.control)
    expect(await old.closed).toBe(CloseCode.fenced)
    const next = await play(config, "control")
    next.say({ ...hello.control, incarnation: 1 })
    await next.hears("welcome")
    expect(runner.state).toBe("booting")
  })

  it("although nobody has seen it run", async () => {
    const { config, ready, runner, job, told } = await boot(undefined, true)
    const supervisor = await supervise(config)
    const worker = await serve(config)
    await ready
    const paper = await job
    paper.tell({ state: "pending", reason: "None" }) // from before it ran
    expect(runner.state).toBe("ready")
    supervisor.say({ t: "draining", reason: "cancelled", leftMs: 1_000 })
    worker.close()
    supervisor.say({ t: "bye", reason: "cancelled", cut: true })
    await expect.poll(() => runner.state).toBe("pending")
    expect(told).toEqual(["ready", "draining", "requeued"])
  })

  it("or ends after all: then it is gone, as Slurm says", async () => {
    const { runner, supervisor, worker, paper } = await served()
    supervisor.say({ t: "draining", reason: "cancelled", leftMs: 1_000 })
    worker.close()
    supervisor.say({ t: "bye", reason: "cancelled", cut: true })
    expect(await supervisor.heard()).toBe("pong")
    supervisor.close()
    paper.tell({ state: "ended", outcome: "preempted", evidence: {} })
    expect((await runner.closed).reason).toBe("preempted")
  })

  it("by a word that is older than the hello of the next incarnation is no news", async () => {
    const { config, runner, told, paper } = await served()
    const next = await play(config, "control")
    next.say({ ...hello.control, incarnation: 1 })
    await next.hears("welcome")
    paper.tell(AGAIN)
    expect(await next.heard()).toBe("pong")
    expect(next.said()).toEqual(["welcome"]) // and not to end
    expect([runner.state, told]).toEqual(["booting", ["ready", "requeued"]])
    paper.tell(RUNNING)
    paper.tell(AGAIN) // this one is
    expect(await next.hears("drain")).toMatchObject({ reason: "node-fail" })
    next.say({ t: "bye", reason: "node-fail", cut: true })
    expect(await next.closed).toBe(CloseCode.fenced)
    expect(runner.state).toBe("pending")
  })

  it("by a word that is older than the hello for which a place was kept is no news either", async () => {
    const { config, runner, told, supervisor, worker, paper } = await served()
    supervisor.close()
    worker.close()
    paper.tell({ ...RUNNING, ending: true })
    paper.tell({ ...AGAIN, reason: "BeginTime" })
    await expect.poll(() => runner.state).toBe("pending")
    const next = await play(config, "control")
    next.say({ ...hello.control, incarnation: 1 })
    await next.hears("welcome")
    paper.tell({ ...AGAIN, reason: "None" })
    expect(await next.heard()).toBe("pong")
    expect(next.said()).toEqual(["welcome"]) // and not to end
    expect([runner.state, told]).toEqual(["booting", ["ready", "requeued"]])
  })

  it("while its processes can be reached: their node was given up; they are told to end before anything runs elsewhere", async () => {
    const { runner, told, supervisor, paper } = await served()
    paper.tell(AGAIN)
    expect(await supervisor.hears("drain")).toEqual({ t: "drain", reason: "node-fail", graceMs: 0 })
    expect(told).toEqual(["ready"])
    supervisor.say({ t: "draining", reason: "node-fail", leftMs: 0 })
    await expect.poll(() => told).toEqual(["ready", "draining"])
    expect(runner.state).toBe("draining")
    sockets[1]?.terminate() // the worker was killed
    supervisor.say({ t: "bye", reason: "node-fail", cut: true })
    await expect.poll(() => told, { timeout: 5_000 }).toEqual(["ready", "draining", "node-fail"])
    expect(runner.state).toBe("pending")
  })
})

describe("a node that Slurm has given up", () => {
  it("and whose runner can be reached: the runner is told to end, and is gone when it has", async () => {
    const { runner, told, supervisor, paper } = await served()
    paper.tell(NODE_FAIL)
    expect(await supervisor.hears("drain")).toEqual({ t: "drain", reason: "node-fail", graceMs: 0 })
    expect(told).toEqual(["ready"])
    supervisor.say({ t: "draining", reason: "node-fail", leftMs: 0 })
    sockets[1]?.terminate()
    supervisor.say({ t: "bye", reason: "node-fail", cut: true })
    expect((await runner.closed).reason).toBe("node-fail")
  })

  it("and whose runner is away: it may live, and is not taken for dead before its lease is over", async () => {
    const { told, runner, supervisor, worker, paper } = await served()
    supervisor.cut()
    worker.cut()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    while (paper.interest.at(-1) !== "watch") await new Promise(resolve => setImmediate(resolve))
    paper.tell(NODE_FAIL)
    for (let s = 0; s < 59; s++) await second()
    expect(told).toEqual(["ready"])
    for (let s = 0; s < 2; s++) await second()
    expect((await runner.closed).reason).toBe("node-fail")
  })
})

describe("a job that is suspended", () => {
  it("is not given up for its silence, but when it has been woken", async () => {
    const { told, runner, supervisor, worker, paper } = await served()
    supervisor.cut()
    worker.cut()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    while (paper.interest.at(-1) !== "watch") await new Promise(resolve => setImmediate(resolve))
    paper.tell({ ...RUNNING, suspended: true })
    for (let s = 0; s < 600; s++) await second()
    expect([runner.state, runner.free]).toEqual(["ready", 0])
    paper.tell(RUNNING)
    for (let s = 0; s < 59; s++) await second()
    expect(told).toEqual(["ready"])
    for (let s = 0; s < 4; s++) await second()
    expect((await runner.closed).reason).toBe("network")
  })

  it("is not given up either when Slurm said so before its silence was noticed", async () => {
    const { told, runner, supervisor, worker, paper } = await served()
    paper.tell({ ...RUNNING, suspended: true })
    supervisor.cut()
    worker.cut()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] })
    while (paper.interest.at(-1) !== "watch") await new Promise(resolve => setImmediate(resolve))
    for (let s = 0; s < 600; s++) await second()
    expect(told).toEqual(["ready"])
    expect(runner.state).toBe("ready")
  })

  it("stays watched when it is back sooner than Slurm says so", async () => {
    const { config, supervisor, paper } = await served()
    const { line } = await supervisor.hears("welcome")
    supervisor.cut()
    await expect.poll(() => paper.interest.at(-1)).toBe("watch")
    paper.tell({ ...RUNNING, suspended: true })
    const again = await play(config, "control")
    again.say({ ...hello.control, resume: { line, received: 0 } })
    await again.hears("resumed")
    expect(paper.interest.at(-1)).toBe("watch")
    paper.tell(RUNNING)
    expect(paper.interest.at(-1)).toBe("rest")
  })
})
