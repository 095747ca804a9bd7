/**
 * All runners of a pool: boots them on demand, ends them when idle, keeps `min`. Owns the runners, their number and the rule for
 * trying again; knows nothing of who waits for them beyond a count.
 */
import { randomBytes } from "node:crypto"
import type { Job } from "../shared/backend.ts"
import { formatMs } from "../shared/duration.ts"
import { BootError } from "../shared/errors.ts"
import { BootPolicy, FORGET_MS } from "./boot-policy.ts"
import { Census } from "./census.ts"
import type { PoolEmitter } from "./events.ts"
import { GrowHooks } from "./grow-hooks.ts"
import { wanted } from "./growth.ts"
import { IdleWatch } from "./idle-watch.ts"
import type { PoolSettings } from "./pool-options.ts"
import type { EndReason, PooledRunner, RunnerHost } from "./pooled-runner.ts"
import type { RunnerState } from "./runner-state.ts"

/** What the fleet asks and tells its pool. */
export interface FleetHost {
  /** How many wait for a whole runner. */
  readonly leases: number
  /** How many wait for a slot on any. */
  readonly slots: number
  /** False once the pool closes, when `min` is not kept any more. */
  readonly open: boolean
  /** State, load or lease of the runner changed. */
  touched(runner: PooledRunner): void
  /** Look again who can be served. @param runner One that has slots, or may have. */
  changed(runner?: PooledRunner): void
  /** Slots of this runner became free. */
  freed(runner: PooledRunner): void
  /** What this runner held is lost: the lease on it is over, for this reason. */
  lost(runner: PooledRunner, why: string): void
  /** The runner takes no more work. */
  leaving(runner: PooledRunner): void
  gone(runner: PooledRunner): void
  /** No runner serves and none can be booted, for this reason: nobody should wait any longer. Returns how many did. */
  hopeless(error: unknown): number
}

/** Makes a runner that is not booted yet. */
export type MakeRunner = (identity: { runnerId: string; serial: number }, host: RunnerHost) => PooledRunner

export class Fleet {
  readonly #settings: PoolSettings
  readonly #host: FleetHost
  readonly #emitter: PoolEmitter
  readonly #make: MakeRunner
  readonly #hooks: GrowHooks
  readonly #runners = new Set<PooledRunner>()
  readonly #census = new Census()
  /** Jobs that are being ended. */
  readonly #ending = new Set<Promise<void>>()
  readonly #idle: IdleWatch<PooledRunner>
  readonly #policy = new BootPolicy()
  readonly #begun = new WeakMap<PooledRunner, number>()
  readonly #upSince = new WeakMap<PooledRunner, number>()
  readonly #run = randomBytes(3).toString("hex")
  #min: number
  #max: number
  /** Runners of `min` that were let go since nothing had been asked of them for long: they come back with the next work. */
  #resting = 0
  /** Runners that work. */
  #busy = 0
  #retiring = 0
  #serial = 0
  #growing = false
  #retry: NodeJS.Timeout | undefined
  #closed = false

  constructor(settings: PoolSettings, emitter: PoolEmitter, host: FleetHost, make: MakeRunner) {
    this.#settings = settings
    this.#emitter = emitter
    this.#host = host
    this.#make = make
    this.#min = settings.min
    this.#max = settings.max
    this.#hooks = new GrowHooks(settings, error => emitter.emit("error", error))
    this.#idle = new IdleWatch({
      patienceMs: () => this.#patienceMs(),
      permit: runner => settings.mayIdle?.(runner.info) ?? true,
      failed: error => emitter.emit("error", error),
      expire: runner => this.#expire(runner),
    })
  }

  /** All that are not gone. */
  get runners(): ReadonlySet<PooledRunner> {
    return this.#runners
  }
  get min(): number {
    return this.#min
  }
  get max(): number {
    return this.#max
  }
  /** Runners that serve. */
  get ready(): number {
    return this.#census.ready
  }
  get booting(): boolean {
    return this.#census.booting > 0
  }
  /** A call runs somewhere. */
  get working(): boolean {
    return this.#busy > 0
  }
  /** Whether another runner may be booted. */
  get room(): boolean {
    return this.#census.all < this.#max
  }
  /** Runners that serve or will, and are to stay. */
  get #serving(): number {
    return this.#census.alive - this.#retiring
  }

  /** Jobs that may still exist. */
  get jobs(): Job[] {
    const jobs = [...this.#runners].map(runner => runner.job)
    return jobs.filter((job): job is Job => job !== undefined && job.status.state !== "ended")
  }

  /** Boots what is missing for those who wait and for `min`; later, if a boot failed just now. */
  grow(): void {
    if (this.#growing) return // by a listener that hears of a new runner: the loop below looks again
    this.#growing = true
    while (this.#bootMissing()) {}
    this.#growing = false
  }

  #bootMissing(): boolean {
    if (this.#closed) return false
    const { leases, slots, open } = this.#host
    if (leases + slots > 0) this.#resting = 0
    if (!this.room) return false // as with each call that joins a long line
    const count = wanted({
      leases,
      slots,
      booting: this.#census.booting,
      serving: this.#serving,
      all: this.#census.all,
      min: open ? this.#min - this.#resting : 0,
      max: this.#max,
      maxConcurrency: this.#settings.singleUse ? 1 : this.#settings.maxConcurrency,
    })
    if (count === 0) return false
    const now = performance.now() // one moment for all: between two a pause may end, and nobody would wait for its end
    const allowed = this.#policy.allowance(count, now)
    for (let i = 0; i < allowed; i++) this.#boot()
    if (allowed > 0) return true
    const refusal = this.#census.alive === 0 ? this.#policy.refusal(now) : undefined
    if (refusal) this.#host.hopeless(refusal)
    this.#tryLater(now)
    return false
  }

  /** Other limits from now on. Runners that are too many take no more work, and end when they have none. */
  scale(min: number, max: number): void {
    this.#min = min
    this.#max = max
    this.#resting = 0
    this.trim()
    this.#idle.refresh()
  }

  /** Lets go of runners that are more than `max`: those first that nobody would miss. Leased ones are left to their holders. */
  trim(): void {
    const surplus = this.#serving - this.#max
    if (surplus <= 0) return
    const free = [...this.#runners].filter(r => isAlive(r.state) && r.retiring === undefined && !r.leased)
    const cost = (r: PooledRunner) => (r.ready ? r.running : -1)
    free.sort((a, b) => cost(a) - cost(b) || b.serial - a.serial)
    for (const runner of free.slice(0, surplus)) this.retire(runner, "scale")
  }

  /** The runner takes no more work, and ends when it has none and nobody holds it. */
  retire(runner: PooledRunner, reason: EndReason): void {
    this.spend(runner, reason)
    this.settle(runner)
  }

  /** The same for one that is about to be given to somebody: it ends after that. */
  spend(runner: PooledRunner, reason: EndReason): void {
    if (runner.retiring !== undefined) return
    runner.retiring = reason
    this.#retiring += 1
    this.#host.leaving(runner)
  }

  /** Load or lease of the runner changed. */
  settle(runner: PooledRunner): void {
    const { running, ready, leased, retiring } = runner
    if (!this.#runners.has(runner)) return // gone: what still ends there changes nothing here
    const working = running > 0
    if (working !== runner.working) {
      runner.working = working
      this.#busy += working ? 1 : -1
    }
    const unused = !working && !leased
    this.#idle.update(runner, unused && ready && retiring === undefined)
    this.#host.touched(runner)
    if (unused && retiring !== undefined && isAlive(runner.state)) {
      void this.end(runner, retiring, this.#settings.shutdownMs)
    }
  }

  /** Ends one runner. Resolves when its job is over. */
  async end(runner: PooledRunner, reason: EndReason, graceMs: number): Promise<void> {
    await this.#track(runner.shutdown(reason, graceMs))
  }

  /** Leaves runners that are being ended less time than they were given. */
  hurry(graceMs: number): void {
    for (const runner of [...this.#runners]) void this.end(runner, "close", graceMs)
  }

  /** Ends all runners, those already on their way out included. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#idle.stop()
    await Promise.all([...this.#runners].map(runner => this.end(runner, "close", graceMs)))
    await Promise.all(this.#ending)
  }

  async #track(ending: Promise<void>): Promise<void> {
    this.#ending.add(ending)
    await ending
    this.#ending.delete(ending)
  }

  #patienceMs(): number {
    const { idleMs, minIdleMs } = this.#settings
    return this.#serving > this.#min - this.#resting ? idleMs : minIdleMs
  }

  #expire(runner: PooledRunner): void {
    if (this.#serving <= this.#min - this.#resting) this.#resting += 1
    void this.end(runner, "idle", this.#settings.shutdownMs)
  }

  #tryLater(now: number): void {
    const delay = this.#policy.delayMs(now)
    if (delay === 0) return // a boot is under way that decides whether there will be others
    // Who waits holds the process; keeping `min` does not.
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined
      this.#host.changed()
    }, delay).unref()
  }

  #boot(): void {
    const { name } = this.#settings
    this.#serial += 1
    const serial = this.#serial
    const runnerId = `${name.toLowerCase().replaceAll("_", "-")}-${this.#run}-${serial}`
    const runner = this.#make({ runnerId, serial }, this.#runnerHost)
    this.#runners.add(runner)
    this.#begun.set(runner, performance.now())
    this.#census.add(runner.state)
    const count = this.#census.alive
    this.#emitter.emit("grow", { pool: name, runnerId, count })
    const { start } = this.#hooks
    void runner.boot(start && (() => start({ name, runnerId, count }))) // never rejects: its end is told to the host
  }

  #bootFailed(error: Error, startedAt: number): void {
    const { tell, opened } = this.#policy.failed(error, performance.now(), startedAt)
    const told = tell && this.#census.alive === 0 ? this.#host.hopeless(error) : 0
    if (told === 0) this.#emitter.emit("error", error) // else those who waited have it
    if (opened === undefined) return
    this.#emitter.emit(
      "error",
      new BootError(
        `pool "${this.#settings.name}": so many boots have failed in a row that no more runners are submitted for ${formatMs(opened)}. The last failure: ${error.message}`,
        error instanceof BootError ? error.evidence : {},
        { cause: error },
      ),
    )
  }

  readonly #runnerHost: RunnerHost = {
    moved: (runner, from) => {
      this.#census.moved(from, runner.state)
      if (runner.retiring !== undefined && isAlive(from) && !isAlive(runner.state)) this.#retiring -= 1
      this.settle(runner)
    },
    ready: runner => {
      this.#policy.cameUp()
      if (!this.#upSince.has(runner)) {
        this.#hooks.end({ name: this.#settings.name, runnerId: runner.id, count: this.#census.alive, error: undefined })
      }
      this.#upSince.set(runner, performance.now())
      this.#emitter.emit("runner:up", runner.info)
      this.#idle.refresh()
      this.#host.changed(runner)
    },
    draining: (runner, drainReason, leftMs) => {
      this.#emitter.emit("runner:drain", { ...runner.info, drainReason, leftMs })
      this.#host.leaving(runner)
      this.#host.changed()
    },
    taken: runner => this.settle(runner),
    freed: runner => {
      this.settle(runner)
      this.#host.freed(runner)
    },
    restarting: runner => {
      this.#host.lost(runner, "lost its state when the worker crashed")
      this.#host.changed()
    },
    gone: (runner, bootError) => {
      this.#runners.delete(runner)
      this.#idle.delete(runner)
      if (runner.working) this.#busy -= 1
      void this.#track(runner.jobOver()) // close() is not over before the job is
      this.#host.lost(runner, "ended with its runner")
      this.#host.gone(runner)
      const { name } = this.#settings
      const { id: runnerId, goneReason: reason = "connection-lost", evidence } = runner
      const count = this.#census.alive
      const upSince = this.#upSince.get(runner)
      this.#emitter.emit("runner:down", { ...runner.info, goneReason: reason, evidence })
      this.#emitter.emit("shrink", { pool: name, runnerId, count, reason })
      if (upSince === undefined) this.#hooks.end({ name, runnerId, count, error: bootError ?? runner.lostError(false) })
      this.#hooks.shrink({ name, runnerId, count, reason })
      // Before anyone looks for a runner again: the next boot has to wait, or those who wait have to be told.
      const soon = reason === "crashed" && performance.now() - (upSince ?? 0) < FORGET_MS
      const failure = bootError ?? (soon ? runner.lostError(false) : undefined)
      if (!failure) this.#policy.calledOff()
      else if (!this.#closed) this.#bootFailed(failure, this.#begun.get(runner) ?? 0)
      this.#host.changed()
    },
  }
}

function isAlive(state: RunnerState): boolean {
  return state !== "draining" && state !== "gone"
}
