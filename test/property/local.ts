/**
 * Plays a sequence on a pool of real runners: processes of this machine behind a proxy, which are killed, stopped and cut off. What ran
 * where and when is read from a ledger that the work itself writes. Owns one sequence's processes and files.
 */
import assert from "node:assert/strict"
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { createPool, type Pool, type Runner } from "../../src/index.ts"
import { ProxiedBackend } from "../e2e/proxied.ts"
import type * as module from "../fixtures/modules/property.ts"
import type { LocalSequence, LocalStep } from "./local-steps.ts"

type Api = typeof module

/** Errors that somebody may hear of although nobody made a mistake, by their code. */
const FAIR = new Set(["RUNNER_LOST", "CALL_ABORTED", "POOL_CLOSED", "BOOT", "RUNNER_DRAINING", "RELEASED"])

interface Task {
  readonly id: number
  readonly kind: "pool" | "lease"
  /** How often it may be run again. */
  readonly times: number
  /** What it throws. */
  readonly fails: string | undefined
  readonly controller: AbortController
  outcome: { value?: unknown; error?: unknown } | undefined
}

let sequences = 0

/** Plays it, or throws what was wrong. @param root The package's own directory. */
export async function playLocal(sequence: LocalSequence, root: string): Promise<{ steps: number; work: number }> {
  const play = new Local(sequence, root)
  try {
    for (const step of sequence.steps) {
      await play.step(step)
      play.look()
    }
    await play.finish()
    return { steps: sequence.steps.length, work: play.tasks.length }
  } finally {
    play.tidy()
  }
}

const pick = <T>(from: readonly T[], at: number): T | undefined => from[at % Math.max(1, from.length)]
const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

class Local {
  readonly tasks: Task[] = []
  readonly #name: string
  readonly #dir: string
  readonly #ledger: string
  readonly #network = new ProxiedBackend()
  readonly #pool: Pool<Api>
  readonly #setting: LocalSequence["setting"]
  readonly #leases = new Set<Runner<Api>>()
  readonly #spawns = new Set<Promise<void>>()
  readonly #frozen = new Set<number>()
  readonly #broken: unknown[] = []
  /** Supervisors that could not tidy up after themselves: their workers may not live to do it for them. */
  #unable = 0
  #max: number
  #closing: Promise<void> | undefined

  constructor({ setting }: LocalSequence, root: string) {
    sequences += 1
    this.#name = `prop-${process.pid}-${sequences}`
    this.#dir = mkdtempSync(path.join(tmpdir(), "flame-property-"))
    this.#ledger = path.join(this.#dir, "ledger")
    this.#setting = setting
    this.#max = setting.max
    const { max, min, maxConcurrency, singleUse, idles } = setting
    this.#pool = createPool<Api>({
      module: path.join(root, "test/fixtures/modules/property.ts"),
      backend: this.#network,
      name: this.#name,
      max,
      min,
      maxConcurrency,
      singleUse,
      idleShutdownAfter: idles ? "200ms" : "infinity",
      shutdownTimeout: "2s",
      heartbeat: "100ms",
      reconnectTimeout: "1s",
      logger: false,
      env: { FLAME_PROPERTY_LEDGER: this.#ledger, FLAME_PROPERTY: this.#name },
    })
    this.#pool.on("error", () => {})
    this.#pool.on("grow", () => this.#hold(() => this.look()))
  }

  async step({ do: what, at, n }: LocalStep): Promise<void> {
    const ms = [0, 1, 5, 20, 60, 150][n % 6]!
    switch (what) {
      case "call":
        return this.#call({}, ms)
      case "keyed":
        return this.#call(this.#setting.singleUse ? {} : { key: `k${at % 3}` }, ms)
      case "retried":
        return this.#call({ retries: 1 + (n % 2) }, ms)
      case "fails":
        return this.#fails(n)
      case "held":
        return this.#run(0, "pool", undefined, (task, signal) =>
          this.#pool.call(api => api.work(task.id, ms), { signal }),
        )
      case "cast":
        return this.#try(() => this.#pool.cast(api => api.work(-1, ms)))
      case "map":
        return this.#try(() => void this.#pool.map([ms, ms, 1], (api, x) => api.work(-1, x)).then(noop, noop))
      case "spawn":
        return this.#spawn()
      case "leaseCall": {
        const lease = pick([...this.#leases], at)
        if (lease) this.#run(0, "lease", undefined, (task, signal) => lease.with({ signal }).work(task.id, ms))
        return
      }
      case "release":
        return this.#release(pick([...this.#leases], at))
      case "terminate":
        return void pick([...this.#leases], at)?.terminate()
      case "abort":
        return pick(
          this.tasks.filter(task => !task.outcome),
          at,
        )?.controller.abort()
      case "killWorker":
        return void this.#signal("SIGKILL", at, "worker")
      case "killSupervisor":
        return void this.#signal("SIGKILL", at, "supervisor")
      case "term":
        return void this.#signal("SIGTERM", at, "supervisor")
      case "freeze":
        return this.#freeze(at, n)
      case "cut":
        return pick(
          this.#network.proxies.flatMap(proxy => proxy.passages.filter(passage => passage.whole)),
          at,
        )?.cut(n % 3 === 0 ? "fin" : "rst")
      case "scale":
        return this.#try(() => {
          this.#max = 1 + (n % 3)
          this.#pool.scale({ max: this.#max, min: at % 2 })
        })
      case "wait":
        return await pause([1, 5, 20, 60, 150, 400][n % 6]!)
      case "close":
        this.#closing ??= this.#pool.close({ timeout: [0, 100, 2_000][n % 3]! })
    }
  }

  /** What is true at every moment. */
  look(): void {
    if (this.#broken.length > 0) throw this.#broken[0]
    const { runners, max, inFlight, queued } = this.#pool.stats()
    if (!this.#closing) assert.equal(max, this.#max)
    for (const { id, inFlight: here, state } of runners) {
      assert(here <= this.#setting.maxConcurrency, `${here} run on ${id}`)
      assert.notEqual(state, "gone")
    }
    assert.equal(
      inFlight,
      runners.reduce((sum, runner) => sum + runner.inFlight, 0),
    )
    assert(queued >= 0)
  }

  async finish(): Promise<void> {
    this.#thaw()
    for (const lease of this.#leases) this.#release(lease)
    await within(20_000, this.#allSettled(), () => `left pending before close: ${this.#pending()}`)
    this.#closing ??= this.#pool.close()
    await within(20_000, this.#closing, () => "close() does not resolve")
    await within(2_000, this.#allSettled(), () => `left pending after close: ${this.#pending()}`)
    this.look()
    assert.deepEqual(this.#pool.stats().runners, [])
    assert.equal(this.#pool.stats().queued, 0)
    this.#outcomes()
    this.#readLedger()
    await this.#nothingIsLeft()
  }

  tidy(): void {
    this.#thaw()
    for (const pid of this.#processes().keys()) kill(pid, "SIGKILL")
    this.#network.close()
    rmSync(this.#dir, { recursive: true, force: true })
    void this.#pool.close({ timeout: 0 })
  }

  #call(options: { key?: string; retries?: number }, ms: number): void {
    this.#run(options.retries ?? 0, "pool", undefined, (task, signal) =>
      this.#pool.with({ ...options, signal }).work(task.id, ms),
    )
  }

  #fails(n: number): void {
    const times = n % 3
    this.#run(times, "pool", "Again", (task, signal) => {
      const retries = { times, on: ["Again"] }
      return this.#pool.with({ retries, signal }).fail(task.id, "Again")
    })
  }

  #run(
    times: number,
    kind: Task["kind"],
    fails: string | undefined,
    begin: (task: Task, signal: AbortSignal) => PromiseLike<unknown>,
  ): void {
    const controller = new AbortController()
    const task: Task = { id: this.tasks.length, kind, times, fails, controller, outcome: undefined }
    this.tasks.push(task)
    begin(task, controller.signal).then(
      value => {
        task.outcome = { value }
      },
      error => {
        task.outcome = { error }
      },
    )
  }

  #spawn(): void {
    const spawn = this.#pool.spawn().then(
      lease => {
        this.#note("leased", lease.id)
        this.#leases.add(lease)
        void lease.closed.then(() => {
          if (this.#leases.delete(lease)) this.#note("released", lease.id)
        })
        if (this.#finishing) this.#release(lease)
      },
      error => this.#hold(() => isFair(error)),
    )
    this.#spawns.add(spawn)
    void spawn.then(() => this.#spawns.delete(spawn))
  }
  #finishing = false

  #release(lease: Runner<Api> | undefined): void {
    if (!lease || !this.#leases.delete(lease)) return
    this.#note("released", lease.id)
    void lease.release()
  }

  #note(what: string, id: string): void {
    appendFileSync(this.#ledger, `${what} - ${id} 0\n`)
  }

  /** Pids of this sequence's runners, and their parents'. */
  #processes(): Map<number, number> {
    const found = new Map<number, number>()
    for (const entry of readdirSync("/proc")) {
      const pid = Number(entry)
      if (!(pid > 0)) continue
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "latin1")
        if (!environment.split("\0").includes(`FLAME_PROPERTY=${this.#name}`)) continue
        const [state, ppid] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ")
        if (state === "Z" || state === "X") continue
        found.set(pid, Number(ppid))
      } catch {
        // It is somebody else's, or gone by now.
      }
    }
    return found
  }

  #signal(signal: NodeJS.Signals, at: number, which: "worker" | "supervisor"): number | undefined {
    const processes = this.#processes()
    const workers = [...processes].filter(([, ppid]) => processes.has(ppid)).map(([pid]) => pid)
    const supervisors = [...processes].filter(([, ppid]) => ppid === process.pid).map(([pid]) => pid)
    const pid = pick(which === "worker" ? workers : supervisors, at)
    if (pid === undefined) return undefined
    if (which === "supervisor" && signal !== "SIGTERM") this.#unable += 1
    kill(pid, signal)
    return pid
  }

  /** For a while: too short to be noticed, or longer than anybody waits. */
  #freeze(at: number, n: number): void {
    const pid = this.#signal("SIGSTOP", at, n % 2 === 0 ? "worker" : "supervisor")
    if (pid === undefined) return
    this.#frozen.add(pid)
    setTimeout(
      () => {
        if (this.#frozen.delete(pid)) kill(pid, "SIGCONT")
      },
      [30, 150, 500, 2_500][n % 4],
    )
  }

  #thaw(): void {
    for (const pid of this.#frozen) kill(pid, "SIGCONT")
    this.#frozen.clear()
  }

  /** What a pool that is closing refuses at once. */
  #try(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!this.#closing) throw error
      isFair(error)
    }
  }

  #hold(rule: () => void): void {
    try {
      rule()
    } catch (error) {
      this.#broken.push(error)
    }
  }

  async #allSettled(): Promise<void> {
    this.#finishing = true
    while (this.#spawns.size > 0 || this.tasks.some(task => !task.outcome)) await pause(10)
  }

  #pending(): string {
    const tasks = this.tasks.filter(task => !task.outcome).map(task => `${task.kind} ${task.id}`)
    return `${tasks.join(", ")}; ${this.#spawns.size} spawns; ${JSON.stringify(this.#pool.stats())}`
  }

  #outcomes(): void {
    for (const { id, outcome, fails, controller } of this.tasks) {
      const { error, value } = outcome!
      if (error === undefined) assert.equal(value, id, "somebody else's answer")
      else if (fails === undefined || (error as Error).name !== fails) isFair(error)
      const aborted = (error as { code?: string } | undefined)?.code === "ERR_FLAME_CALL_ABORTED"
      if (aborted) assert(controller.signal.aborted, `task ${id} was not aborted`)
    }
  }

  /** How often each ran, how many at a time, and where. */
  #readLedger(): void {
    const begun = new Map<number, number>()
    const ended = new Set<number>()
    const running = new Map<string, Set<string>>()
    const leased = new Set<string>()
    const workers = new Map<string, string>()
    for (const line of read(this.#ledger).split("\n").slice(0, -1)) {
      const [what, name, runner, pid] = line.split(" ") as [string, string, string, string]
      const id = Number(name)
      if (what === "leased") {
        leased.add(runner)
      } else if (what === "released") {
        leased.delete(runner)
      } else if (what === "begin") {
        if (id >= 0) begun.set(id, (begun.get(id) ?? 0) + 1)
        if (workers.get(runner) !== pid) running.delete(runner) // the worker before this one has lost what it had
        workers.set(runner, pid)
        const here = running.get(runner) ?? new Set()
        running.set(runner, here)
        here.add(`${name}.${here.size}`)
        const ofPool = id < 0 || this.tasks[id]?.kind === "pool"
        assert(!(ofPool && leased.has(runner)), `task ${id} of the pool begins on ${runner}, which is leased`)
        const { maxConcurrency } = this.#setting
        assert(here.size <= maxConcurrency, `${here.size} run on ${runner}: ${[...here]}`)
      } else {
        ended.add(id)
        const here = running.get(runner)
        const one = [...(here ?? [])].find(entry => entry.startsWith(`${name}.`))
        if (one !== undefined) here?.delete(one)
      }
    }
    for (const { id, times, outcome, fails } of this.tasks) {
      const runs = begun.get(id) ?? 0
      assert(runs <= 1 + times, `task ${id} ran ${runs} times, and could be run again ${times} times`)
      if (outcome!.error === undefined) assert(ended.has(id), `task ${id} has an answer, and did not end`)
      const { error } = outcome as { error?: { name?: string } }
      if (fails !== undefined && error?.name === fails) assert.equal(runs, 1 + times, `task ${id} ran too few times`)
    }
  }

  async #nothingIsLeft(): Promise<void> {
    const until = Date.now() + 10_000
    for (;;) {
      const processes = [...this.#processes().keys()]
      const dirs = readdirSync(tmpdir()).filter(name => name.includes(this.#name))
      if (processes.length === 0 && dirs.length <= this.#unable) {
        for (const dir of dirs) rmSync(path.join(tmpdir(), dir), { recursive: true, force: true })
        return
      }
      assert(Date.now() < until, `left: processes ${processes}, directories ${dirs}`)
      await pause(30)
    }
  }
}

function noop(): void {}

function isFair(error: unknown): void {
  const code = String((error as { code?: string } | null)?.code)
  assert(FAIR.has(code.replace("ERR_FLAME_", "")), `an error without a reason: ${(error as Error)?.stack}`)
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return "" // nothing has run
  }
}

async function within<T>(ms: number, promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(what())), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
