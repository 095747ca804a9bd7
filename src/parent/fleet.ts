/**
 * All runners of a pool: boots them on demand, ends them when idle, keeps `min`. Owns the runners, the port they dial and the
 * rule for trying again; knows nothing of who waits for them beyond a count.
 */
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import type { Job } from "../shared/backend.ts"
import { BootPolicy, FORGET_MS } from "./boot-policy.ts"
import type { PoolEmitter } from "./events.ts"
import { listenHost } from "./host.ts"
import { Hub } from "./hub.ts"
import { wanted } from "./placement.ts"
import type { PoolSettings } from "./pool-options.ts"
import { PoolRunner } from "./runner.ts"
import type { RunnerHost } from "./runner-host.ts"

/** What the fleet asks and tells its pool. */
export interface FleetHost {
  /** How many wait. `open`: false once the pool closes, when `min` is not kept any more. */
  demand(): { leases: number; slots: number; open: boolean }
  /** Something changed: look again who can be served. */
  changed(): void
  /** Slots of this runner became free. */
  freed(runner: PoolRunner): void
  /** The lease on this runner is over. */
  leaseOver(runner: PoolRunner, why: string): void
  /** No runner serves and none can be booted, for this reason: nobody should wait any longer. Returns how many did. */
  hopeless(error: unknown): number
}

/** What a runner without a parent gives its hooks. */
const ORPHAN_GRACE_MS = 5_000
/** The same file whether this runs from dist/parent or from src/parent. */
const SUPERVISOR = fileURLToPath(new URL("../../dist/bin/supervisor.js", import.meta.url))

export class Fleet {
  readonly #settings: PoolSettings
  readonly #host: FleetHost
  readonly #emitter: PoolEmitter
  readonly #runners = new Set<PoolRunner>()
  /** Jobs that are being ended. */
  readonly #ending = new Set<Promise<void>>()
  readonly #idle = new Map<PoolRunner, NodeJS.Timeout>()
  readonly #policy = new BootPolicy()
  readonly #upSince = new WeakMap<PoolRunner, number>()
  readonly #run = randomBytes(3).toString("hex")
  #serial = 0
  #hub: Promise<Hub> | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false

  constructor(settings: PoolSettings, emitter: PoolEmitter, host: FleetHost) {
    this.#settings = settings
    this.#emitter = emitter
    this.#host = host
  }

  /** All that are not gone. */
  get runners(): readonly PoolRunner[] {
    return [...this.#runners]
  }

  /** Runners that serve or will. */
  get alive(): number {
    return this.runners.filter(runner => runner.counts).length
  }

  /** Jobs that may still exist. */
  get jobs(): Job[] {
    const jobs = this.runners.map(runner => runner.job)
    return jobs.filter((job): job is Job => job !== undefined && job.status.state !== "ended")
  }

  /** Boots what is missing for those who wait and for `min`; later, if a boot failed just now. */
  grow(): void {
    if (this.#closed) return
    const { leases, slots, open } = this.#host.demand()
    const { min, max, maxConcurrency } = this.#settings
    const booting = this.runners.filter(runner => runner.booting).length
    const count = wanted({ leases, slots, booting, alive: this.alive, min: open ? min : 0, max, maxConcurrency })
    if (count === 0) return
    const delay = this.#policy.delayMs()
    if (delay === 0) {
      for (let i = 0; i < count; i++) this.#boot()
    } else {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined
        this.#host.changed()
      }, delay)
    }
  }

  /** Starts and stops idle timers as runners become idle or busy. */
  watchIdle(): void {
    const { idleMs, min } = this.#settings
    const spare = Number.isFinite(idleMs) && !this.#closed && this.alive > min
    for (const runner of this.#runners) {
      const isIdle = runner.ready && !runner.leased && runner.running === 0
      if (!isIdle || !spare) this.#stopIdle(runner)
      else if (!this.#idle.has(runner)) {
        const timer = setTimeout(() => this.#idled(runner), idleMs)
        timer.unref()
        this.#idle.set(runner, timer)
      }
    }
  }

  /** Ends one runner. Resolves when its job is over. */
  async end(runner: PoolRunner, reason: "idle" | "close" | "terminated", graceMs: number): Promise<void> {
    await this.#track(runner.shutdown(reason, graceMs))
  }

  /** Leaves runners that are being ended less time than they were given. */
  hurry(graceMs: number): void {
    for (const runner of this.runners) void this.end(runner, "close", graceMs)
  }

  /** Ends all runners, those already on their way out included, and closes the port. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    await Promise.all(this.runners.map(runner => this.end(runner, "close", graceMs)))
    await Promise.all(this.#ending)
    const hub = await this.#hub?.catch(() => undefined) // that it could not listen was told to those who booted
    hub?.close()
  }

  async #track(ending: Promise<void>): Promise<void> {
    this.#ending.add(ending)
    await ending
    this.#ending.delete(ending)
  }

  #idled(runner: PoolRunner): void {
    this.#idle.delete(runner)
    if (this.alive > this.#settings.min && runner.ready && !runner.leased && runner.running === 0) {
      void this.end(runner, "idle", this.#settings.shutdownMs)
    }
  }

  #stopIdle(runner: PoolRunner): void {
    clearTimeout(this.#idle.get(runner))
    this.#idle.delete(runner)
  }

  #boot(): void {
    const { name, backend, module, bootTimeoutMs, env, logger, maxConcurrency } = this.#settings
    const { heartbeatMs, orphanMs, reconnectMs } = this.#settings
    this.#serial += 1
    const runner = new PoolRunner(
      {
        runnerId: `${name.toLowerCase().replaceAll("_", "-")}-${this.#run}-${this.#serial}`,
        pool: name,
        backend,
        module,
        hub: () => this.#openHub(),
        entry: SUPERVISOR,
        bootTimeoutMs,
        env,
        logger,
        maxConcurrency,
        heartbeatMs,
        silenceMs: orphanMs,
        reconnectMs,
        orphanGraceMs: ORPHAN_GRACE_MS,
        unlinkedGraceMs: Math.max(ORPHAN_GRACE_MS, this.#settings.shutdownMs),
      },
      this.#runnerHost,
    )
    this.#runners.add(runner)
    this.#emitter.emit("grow", { pool: name, runnerId: runner.id, count: this.alive })
    void runner.boot() // never rejects: its end is told to the host
  }

  #bootFailed(error: Error): void {
    const tell = this.#policy.failed(error)
    const alone = !this.runners.some(runner => runner.ready || runner.booting)
    const told = tell && alone ? this.#host.hopeless(error) : 0
    if (told === 0) this.#emitter.emit("error", error) // else those who waited have it
  }

  readonly #runnerHost: RunnerHost = {
    ready: runner => {
      this.#policy.cameUp()
      this.#upSince.set(runner, performance.now())
      this.#emitter.emit("runner:up", runner.info)
      this.#host.changed()
    },
    draining: (runner, drainReason, leftMs) => {
      this.#emitter.emit("runner:drain", { ...runner.info, drainReason, leftMs })
      this.#host.changed()
    },
    freed: runner => this.#host.freed(runner),
    restarting: runner => {
      this.#host.leaseOver(runner, "lost its state when the worker crashed")
      this.#host.changed()
    },
    gone: (runner, bootError) => {
      this.#runners.delete(runner)
      void this.#track(runner.jobOver()) // close() is not over before the job is
      this.#stopIdle(runner)
      this.#host.leaseOver(runner, "ended with its runner")
      const goneReason = runner.goneReason ?? "connection-lost"
      this.#emitter.emit("runner:down", { ...runner.info, goneReason, evidence: runner.evidence })
      this.#emitter.emit("shrink", {
        pool: this.#settings.name,
        runnerId: runner.id,
        count: this.alive,
        reason: goneReason,
      })
      // Before anyone looks for a runner again: the next boot has to wait, or those who wait have to be told.
      const upSince = this.#upSince.get(runner) ?? 0
      const soon = goneReason === "crashed" && performance.now() - upSince < FORGET_MS
      const failure = bootError ?? (soon ? runner.lostError(false) : undefined)
      if (failure && !this.#closed) this.#bootFailed(failure)
      this.#host.changed()
    },
  }

  #openHub(): Promise<Hub> {
    if (this.#hub) return this.#hub
    const { backend, logger, tls } = this.#settings
    const open = async () =>
      await Hub.open(
        listenHost(backend),
        event => {
          if (this.#closed) return // what dials a closing port is one of ours that is just being ended
          logger.warn(event, "a connection was refused")
          this.#emitter.emit("refused", event)
        },
        tls,
      )
    const hub = open()
    this.#hub = hub
    hub.catch(() => {
      this.#hub = undefined // the address may be there at the next try
    })
    return hub
  }
}
