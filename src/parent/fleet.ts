/**
 * All runners of a pool: boots them on demand, ends them when idle, keeps `min`. Owns the runners, their number and the rule for
 * trying again; knows nothing of who waits for them beyond a count.
 */
import { randomBytes } from "node:crypto"
import type { Job } from "../shared/backend.ts"
import { BootPolicy, FORGET_MS, type Verdict } from "./boot-policy.ts"
import { isAlive } from "./census.ts"
import { dispensable } from "./dispensable.ts"
import type { PoolEmitter } from "./events.ts"
import type { FleetHost } from "./fleet-host.ts"
import { isCrash } from "./gone-reason.ts"
import { wanted } from "./growth.ts"
import { Handover } from "./handover.ts"
import { Headcount } from "./headcount.ts"
import { IdleWatch, isIdle } from "./idle-watch.ts"
import { JobRoom } from "./job-room.ts"
import type { BreakerInfo } from "./pool-api.ts"
import { PoolNews } from "./pool-news.ts"
import type { PoolSettings } from "./pool-options.ts"
import type { EndReason, PooledRunner, RunnerHost, RunnerIdentity } from "./pooled-runner.ts"

/** Makes a runner that is not booted yet. */
export type MakeRunner = (identity: RunnerIdentity, host: RunnerHost) => PooledRunner

export class Fleet {
  readonly #settings: PoolSettings
  readonly #host: FleetHost
  readonly #news: PoolNews
  readonly #make: MakeRunner
  readonly #runners = new Set<PooledRunner>()
  readonly #head = new Headcount<PooledRunner>()
  /** Jobs that are being ended. */
  readonly #ending = new Set<Promise<void>>()
  readonly #idle: IdleWatch<PooledRunner>
  readonly #policy = new BootPolicy()
  readonly #jobRoom: JobRoom
  readonly #handover: Handover
  readonly #begun = new WeakMap<PooledRunner, number>()
  readonly #upSince = new WeakMap<PooledRunner, number>()
  readonly #run = randomBytes(3).toString("hex")
  #min: number
  #max: number
  /** Runners of `min` that were let go since nothing had been asked of them for long: they come back when work has to wait. */
  #resting = 0
  /** Runners that work. */
  #busy = 0
  #serial = 0
  #growing = false
  #retry: NodeJS.Timeout | undefined
  #closed = false

  constructor(settings: PoolSettings, emitter: PoolEmitter, host: FleetHost, make: MakeRunner) {
    this.#settings = settings
    this.#news = new PoolNews(settings.name, settings, emitter, settings.logger)
    this.#host = host
    this.#make = make
    this.#min = settings.min
    this.#max = settings.max
    this.#jobRoom = new JobRoom(settings.backend.runnersPerJob, () => host.changed())
    this.#handover = new Handover(settings, this.#head.succession, {
      runners: this.#runners,
      spare: () => this.#head.now.serving - this.#wantedMin,
      open: () => host.open || host.leases + host.slots > 0,
      changed: () => host.changed(),
      callOff: runner => void this.end(runner, "scale", 0),
      takesOver: (successor, runner) => {
        this.spend(runner, "walltime")
        this.#news.handedOver(runner, successor)
        this.settle(runner)
      },
    })
    this.#idle = new IdleWatch({
      patienceMs: () => this.#patienceMs(),
      permit: runner => settings.mayIdle?.(runner.info) ?? true,
      failed: error => this.#news.failed(error),
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
    return this.#head.census.ready
  }
  /** Runners on their way, but for those that are to take the place of one that still serves. */
  get booting(): number {
    return this.#head.now.booting
  }
  /** A call runs somewhere. */
  get working(): boolean {
    return this.#busy > 0
  }
  /** Whether another runner may be booted. */
  get room(): boolean {
    return this.#head.now.all < this.#max
  }
  /** Runners of `min` that are to be there now. */
  get #wantedMin(): number {
    return this.#host.open ? this.#min - this.#resting : 0
  }
  /** A runner is about to make room for another. */
  get leaving(): boolean {
    return this.#head.leaving
  }

  /** The breaker, while it is open or lets a single boot through. */
  get breaker(): BreakerInfo | undefined {
    return this.#policy.info
  }

  /** Jobs that may still exist. */
  get jobs(): Job[] {
    return [...this.#runners].flatMap(({ job }) => (job && job.status.state !== "ended" ? [job] : []))
  }

  /** Takes runners that are there already; boots none before it is known which. */
  async adopt(ids: Promise<readonly string[]>): Promise<void> {
    this.#growing = true
    for (const id of await ids) this.#boot(id)
    this.#growing = false
    this.#host.changed()
  }

  /** Boots what is missing for those who wait and for `min`; later, if a boot failed just now. */
  grow(): void {
    if (this.#growing) return // by a listener that hears of a new runner: the loop below looks again
    this.#growing = true
    try {
      this.#jobRoom.fill(seats => this.#bootMissing(seats))
    } finally {
      this.#growing = false
    }
  }

  #bootMissing(seats: number): boolean {
    if (this.#closed) return false
    const { leases, slots } = this.#host
    if (leases + slots > 0) this.#resting = 0
    const predecessor = this.#handover.next(seats)
    if (!this.room && !predecessor) return false // as with each call that joins a long line
    const count = predecessor
      ? 1
      : wanted({
          ...this.#head.now,
          leases,
          slots,
          min: this.#wantedMin,
          max: this.#jobRoom.most(this.#max, this.#head.now, seats),
          maxConcurrency: this.#settings.singleUse ? 1 : this.#settings.maxConcurrency,
          seats,
        })
    if (count === 0) return false
    const now = performance.now() // one moment for all: between two a pause may end, and nobody would wait for its end
    if (this.#policy.allowance(count, now) > 0) {
      this.#boot(undefined, predecessor) // one, then it is looked again: who hears of it may change what is wanted
      return true
    }
    const refusal = this.#head.census.alive === 0 ? this.#policy.refusal(now) : undefined
    if (refusal) this.#host.hopeless(refusal, true)
    this.#tryLater(now)
    return false
  }

  /** Runners of `min` that were let go are wanted back. */
  wake(): void {
    this.#resting = 0
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
    const surplus = this.#head.now.serving - this.#max
    if (surplus > 0) for (const runner of dispensable(this.#runners, surplus)) this.retire(runner, "scale")
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
    this.#head.retires(runner)
    this.#handover.moved(runner)
    this.#host.leaving(runner)
  }

  /** Load or lease of the runner changed. One that retires ends when it has nothing more to do. */
  settle(runner: PooledRunner): void {
    this.#weigh(runner)
    const { running, leased, retiring, state } = runner
    if (retiring === undefined || running > 0 || leased || !isAlive(state)) return
    if (this.#runners.has(runner)) void this.end(runner, retiring, this.#settings.shutdownMs)
  }

  /** Puts the runner where it belongs by its load, and tells nobody. */
  #weigh(runner: PooledRunner): void {
    if (!this.#runners.has(runner)) return // gone: what still ends there changes nothing here
    const working = runner.running > 0
    if (working !== runner.working) {
      runner.working = working
      runner.idler.used = true
      this.#busy += working ? 1 : -1
    }
    this.#idle.update(runner, isIdle(runner) && !this.#head.succession.isAwaited(runner))
    this.#host.touched(runner)
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
    this.#handover.stop()
    await Promise.all([...this.#runners].map(runner => this.end(runner, "close", graceMs)))
    await Promise.all(this.#ending)
  }

  async #track(ending: Promise<void>): Promise<void> {
    this.#ending.add(ending)
    await ending
    this.#ending.delete(ending)
  }

  #patienceMs(): number {
    return this.#head.now.serving > this.#min - this.#resting ? this.#settings.idleMs : this.#settings.minIdleMs
  }

  #expire(runner: PooledRunner): void {
    if (this.#head.now.serving <= this.#min - this.#resting) this.#resting += 1
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

  /** @param left The id of a runner that is there already. @param predecessor Whose place the new one is to take. */
  #boot(left?: string, predecessor?: PooledRunner): void {
    const serial = ++this.#serial
    const runnerId = left ?? `${this.#settings.name.toLowerCase().replaceAll("_", "-")}-${this.#run}-${serial}`
    const identity = { runnerId, run: this.#run, serial, successorOf: predecessor?.id }
    const runner = this.#make(identity, this.#runnerHost)
    this.#runners.add(runner)
    this.#begun.set(runner, performance.now())
    this.#head.add(runner, predecessor)
    this.#handover.follow(runner, left !== undefined)
    this.#host.added(runner, left !== undefined)
    const start = this.#news.grows(runner, this.#head.census.alive)
    if (runner.state === "gone") return // who heard of it has ended it
    void runner.boot(start) // never rejects: its end is told to the host
  }

  #bootFailed(error: Error, { tell, opened }: Verdict): void {
    const told = tell ? this.#host.hopeless(error, this.#head.census.alive === 0) : 0
    if (told === 0) this.#news.failed(error) // else those who waited have it
    if (opened !== undefined) this.#news.broken(error, opened)
  }

  readonly #runnerHost: RunnerHost = {
    moved: (runner, from) => {
      this.#handover.moved(runner)
      const heir = this.#head.moved(runner, from)
      this.settle(runner)
      // Before its calls hear of it: one that is to be run again boots another, and whoever hears of that may look around.
      if (runner.state === "gone") this.#runners.delete(runner)
      if (heir) this.#weigh(heir) // nobody will come from there any more
    },
    ready: runner => {
      this.#policy.cameUp()
      const first = !this.#upSince.has(runner)
      this.#upSince.set(runner, performance.now())
      this.#news.serves(runner, this.#head.census.alive, first)
      this.#handover.ready(runner)
      this.#idle.refresh()
      this.#host.changed(runner)
    },
    draining: (runner, drainReason, leftMs) => {
      this.#news.drains(runner, drainReason, leftMs)
      this.#host.leaving(runner)
      this.#host.changed()
    },
    loaded: runner => this.#weigh(runner),
    freed: runner => {
      if (runner.retiring !== undefined) this.settle(runner)
      this.#host.freed(runner)
    },
    restarting: (runner, requeued) => {
      this.#host.lost(runner, `lost its state when ${requeued ? "its job was started anew" : "the worker crashed"}`)
      if (requeued) this.#news.requeued(runner, requeued)
      this.#host.changed()
    },
    gone: (runner, bootError) => {
      this.#idle.delete(runner)
      this.#jobRoom.left()
      if (runner.working) this.#busy -= 1
      void this.#track(runner.jobOver()) // close() is not over before the job is
      this.#host.lost(runner, "ended with its runner")
      this.#host.gone(runner)
      const upSince = this.#upSince.get(runner)
      const soon = isCrash(runner.goneReason) && performance.now() - (upSince ?? 0) < FORGET_MS
      const failure = bootError ?? (soon ? runner.lostError(false) : undefined)
      // Before anybody hears of it, for they may ask for a runner: the next boot has to wait.
      const verdict =
        failure && !this.#closed && this.#policy.failed(failure, performance.now(), this.#begun.get(runner))
      if (!failure && upSince === undefined) this.#policy.calledOff()
      const unborn = upSince === undefined ? (bootError ?? runner.lostError(false)) : undefined
      this.#news.gone(runner, this.#head.census.alive, unborn)
      if (verdict) this.#bootFailed(failure!, verdict)
      this.#host.changed()
    },
  }
}
