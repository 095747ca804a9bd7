/** What has to be true of a pool, whatever is done to it: looked at when something begins, when it settles, and when all is quiet. */
import assert from "node:assert/strict"
import { isAlive } from "../../src/parent/census.ts"
import { hasTime, MARGIN_MS } from "../../src/parent/has-time.ts"
import type { Lease } from "../../src/parent/lease.ts"
import {
  BootError,
  CallAbortedError,
  CallTimeoutError,
  PoolClosedError,
  ReleasedError,
  RunnerDrainingError,
  RunnerLostError,
  WalltimeError,
} from "../../src/shared/errors.ts"
import type { SimulatedRunner } from "../simulated/runner.ts"
import { LIMIT_MS, type Spawn, type World } from "./simulated.ts"
import type { Work } from "./work.ts"

export class Rules {
  readonly #world: World
  /** The first that was broken, by something that cannot throw where it was seen. */
  #broken: unknown
  /** Where keys are. */
  readonly #homes = new Map<string, { runner: SimulatedRunner; restarts: number }>()
  readonly #restarts = new Map<SimulatedRunner, number>()
  /** A runner has served. */
  #served = false
  #closeAt = Number.POSITIVE_INFINITY

  constructor(world: World) {
    this.#world = world
  }

  /** There is one more runner. */
  made(): void {
    this.#hold(() => {
      const { pool, runners } = this.#world
      const all = countOf(runners)
      // The pool makes its first ones before anybody has it.
      const max = (pool as typeof pool | undefined)?.stats().max ?? this.#world.setting.max
      // Where there are too many, since some are let go, those who stay are replaced all the same: that makes them no more.
      const least = runners.at(-1)!.successorOf === undefined ? 0 : countOf(runners.slice(0, -1))
      assert(all <= Math.max(max, least), `${all} runners, and max is ${max}`)
      assert(!this.#world.closed, "a runner is booted after close()")
    })
  }

  /** A request has reached a runner. */
  received(work: Work, runner: SimulatedRunner, losing: SimulatedRunner | undefined): void {
    this.#hold(() => {
      assert(losing !== runner, `${work} is sent to a runner that has just lost everything`)
      assert(runner.ready || work.kind === "held", `${work} is sent to a runner that is ${runner.state}`)
      assert(work.phase !== "over" || work.kind === "held", `${work} is sent although it is over`)
      this.#slots(runner)
      const { leased } = runner
      if (leased) assert(work.lease, `${work} reaches the leased runner ${runner.id}`)
    })
  }

  /** Work that stands in a line begins. */
  begins(work: Work, runner: SimulatedRunner): void {
    this.#hold(() => {
      const { all, setting } = this.#world
      assert(work.phase === "waiting" || work.phase === "back", `${work} is begun twice`)
      assert.equal(work.begun, work.refused + work.retried, `${work} is run once more than was declared`)
      const equals = all.filter(
        other => other !== work && this.#waits(other) && other.phase !== "back" && hasTime(runner, other.needs, false),
      )
      const passed = equals.find(other => other.isBefore(work))
      assert(!passed || this.#world.clock.now >= passed.until, `${work} begins before ${passed}`)
      if (work.lease) {
        assert.equal(work.lease.runner, runner, `${work} is on another runner than its lease`)
        const now = this.#world.leases.get(runner)
        assert(
          !runner.leased || now === undefined || now === work.lease || isOver(now),
          `${work} runs in somebody else's lease`,
        )
        return
      }
      assert(hasTime(runner, work.needs, false), `${work} needs ${work.needs}, and has ${runner.time.leftMs}`)
      assert(!runner.leased, `${work} begins on the leased runner ${runner.id}`)
      const retiring = runner.retiring
      assert(
        retiring === undefined || (setting.singleUse && retiring === "single-use"),
        `${work} on a runner that retires`,
      )
      if (setting.singleUse) {
        const before = all.find(o => o !== work && !o.lease && o.runner === runner && o.refused === 0)
        assert(!before, `${work} is the second on a single-use runner, after ${before}`)
      }
      if (work.key !== undefined) this.#atHome(work, work.key, runner)
    })
  }

  /** A promise has settled. */
  settled(work: Work, outcome: { value?: unknown; error?: unknown }): void {
    this.#hold(() => {
      assert(!work.outcome, `${work} settles twice`)
      const { expected } = work
      work.outcome = outcome
      work.phase = "over"
      if (!("error" in outcome)) {
        assert(
          expected && !("error" in expected),
          `${work} resolves with ${String(outcome.value)}, and nobody answered`,
        )
        assert.equal(outcome.value, expected.value, `${work} has another's answer`)
        return
      }
      this.#mayFail(work, outcome.error)
    })
  }

  leased(spawn: Spawn, lease: Lease<unknown>): void {
    this.#hold(() => {
      const { spawns, leases, clock } = this.#world
      const { runner } = lease
      const equals = spawns.filter(o => o.id < spawn.id && !o.settled && !o.aborted && hasTime(runner, o.needs, false))
      const passed = equals.find(o => clock.now < o.until)
      // It was given a moment ago; a step in the same turn may have moved its end since.
      const moved = this.#world.moved.has(runner as SimulatedRunner)
      assert(moved || hasTime(runner, spawn.needs, false), `spawn ${spawn.id} has too little time`)
      assert(moved || !passed, `spawn ${spawn.id} is served before spawn ${passed?.id}`)
      const other = leases.get(lease.runner as SimulatedRunner)
      assert(!other || isOver(other), "two leases on one runner")
    })
  }

  spawnFailed(spawn: Spawn, error: unknown): void {
    this.#hold(() => this.#mayFail(spawn, error))
  }

  refusedAtOnce(error: unknown): void {
    this.#hold(() => {
      if (!(error instanceof PoolClosedError) || !this.#world.closing) throw error
    })
  }

  closing(timeoutMs: number): void {
    this.#closeAt = Math.min(this.#closeAt, this.#world.clock.now + timeoutMs)
  }

  /** A listener looks around. */
  heard(): void {
    this.#hold(() => {
      const gone = this.#world.pool.stats().runners.find(runner => runner.state === "gone")
      assert(!gone, `stats() has ${gone?.id}, which is gone`)
    })
  }

  restarted(runner: SimulatedRunner): void {
    this.#restarts.set(runner, (this.#restarts.get(runner) ?? 0) + 1)
  }

  /** Nothing happens any more by itself. */
  quiet(): void {
    if (this.#broken !== undefined) throw this.#broken
    const { all, pool, runners, spawns } = this.#world
    const stats = pool.stats()
    const alive = runners.filter(runner => runner.state !== "gone")
    this.#served ||= alive.some(runner => runner.ready)
    assert.deepEqual(
      stats.runners.map(({ id, state, inFlight, leased }) => ({ id, state, inFlight, leased })),
      alive.map(({ id, state, running, leased }) => ({ id, state, inFlight: running, leased })),
      "stats().runners",
    )
    const waiting = all.filter(work => this.#waits(work) && !work.lease)
    const leases = spawns.filter(spawn => !spawn.settled)
    const counted = `${waiting.map(String)}, ${leases.length} spawns`
    const vain = [...waiting, ...leases].find(({ needs }) => this.#world.setting.ends && needs > LIMIT_MS)
    assert(!vain || !this.#served, `${vain} waits for what no runner has`)
    assert.equal(stats.queued, waiting.length + leases.length, `stats().queued, and these wait: ${counted}`)
    assert.equal(
      stats.inFlight,
      alive.reduce((sum, runner) => sum + runner.running, 0),
      "stats().inFlight",
    )
    for (const runner of alive) this.#slots(runner, true)
    const late = all.find(work => work.phase === "over" && !work.outcome)
    assert(!late, `${late} is over, and its promise is pending`)
    this.#nobodyWaitsInVain(alive, waiting, leases)
    this.#limits(alive)
  }

  /** Everything has been served. */
  over(): void {
    const { all, spawns } = this.#world
    const pending = all.filter(work => !work.outcome)
    assert.equal(pending.length, 0, `left pending: ${pending.join(", ")}`)
    const unserved = spawns.filter(spawn => !spawn.settled)
    assert.equal(unserved.length, 0, `spawns left pending: ${unserved.map(({ id }) => id)}`)
  }

  /** The pool has been closed. */
  gone(): void {
    const { closed, runners, clock, pool, leases } = this.#world
    this.quiet()
    this.over()
    assert(closed, "close() does not resolve")
    assert.deepEqual(
      runners.filter(runner => runner.state !== "gone").map(({ id, state }) => `${id} is ${state}`),
      [],
    )
    assert.equal(clock.held, 0, "timers that would hold the process")
    assert.equal(leases.size, 0, "leases on runners that are gone")
    const { queued, inFlight } = pool.stats()
    assert.deepEqual({ queued, inFlight }, { queued: 0, inFlight: 0 })
  }

  #waits({ phase, outcome, until, signal }: Work): boolean {
    if (signal?.aborted) return false
    return !outcome && (phase === "waiting" || phase === "back") && this.#world.clock.now < until
  }

  #slots(runner: SimulatedRunner, quiet = false): void {
    const { running, holding, id } = runner
    const open = runner.open.length
    assert(running <= this.#world.setting.maxConcurrency, `${running} slots are taken on ${id}`)
    if (!quiet) return
    assert(open <= running, `${open} requests run on ${id} in ${running} slots`)
    assert(
      running <= open + holding,
      `${running} slots are taken on ${id}, by ${open} requests and ${holding} functions`,
    )
  }

  /** Calls of one key are where the first of them is, as long as that serves. */
  #atHome(work: Work, key: string, runner: SimulatedRunner): void {
    const home = this.#homes.get(key)
    const restarts = this.#restarts.get(runner) ?? 0
    if (home && home.runner !== runner) {
      const { ready, retiring } = home.runner
      const lasts = hasTime(home.runner, work.needs, false)
      const lives = lasts && ready && retiring === undefined && home.restarts === (this.#restarts.get(home.runner) ?? 0)
      assert(!lives, `${work} begins on ${runner.id}, and its key is on ${home.runner.id}`)
    }
    this.#homes.set(key, { runner, restarts })
  }

  #mayFail(what: Work | Spawn, error: unknown): void {
    const { clock, bootsFailed, closing } = this.#world
    const work = "kind" in what ? what : undefined
    const name = work ? `${work}` : `spawn ${(what as Spawn).id}`
    const fails = (because: boolean) => assert(because, `${name} fails without a reason: ${(error as Error)?.stack}`)
    const began = work !== undefined && work.begun > work.refused
    if (error instanceof CallAbortedError) return fails(what.aborted)
    if (error instanceof CallTimeoutError) return fails(clock.now >= what.until)
    // What was to be run again and will not be is told what it had failed with.
    if (work?.retriesOn(error) && work.retried > 0 && (closing || bootsFailed > 0 || work.lease)) return
    if (error instanceof WalltimeError) return fails(what.needs > LIMIT_MS - MARGIN_MS)
    if (error instanceof PoolClosedError) {
      const late = work ? work.expected?.error === "closed" : (what as Spawn).late
      return fails(closing && (late || clock.now >= this.#closeAt))
    }
    if (error instanceof BootError) return fails(bootsFailed > 0)
    if (error instanceof RunnerLostError) {
      if (!work) return fails(this.#world.closing || bootsFailed > 0)
      if (work.lease) return fails(work.lease.runner.state === "gone" || work.lost)
      if (bootsFailed > 0 && !error.started) return // what a crash so soon says to those who wait, for the first time or again
      return fails(work.lost && began)
    }
    if (error instanceof RunnerDrainingError)
      return fails(work?.lease !== undefined || (work?.kind === "held" && work.sent > 1))
    if (error instanceof ReleasedError) return fails(work?.lease !== undefined)
    return fails(work?.expected !== undefined && work.expected.error === error)
  }

  /** Who could be served is served, and what is missing is on its way. */
  #nobodyWaitsInVain(alive: SimulatedRunner[], waiting: Work[], leases: Spawn[]): void {
    const { backingOff, closed, pool, setting } = this.#world
    if (closed) return
    const { max } = pool.stats()
    const serve = alive.filter(r => r.ready && !r.leased && !r.reserved && r.retiring === undefined && r.free > 0)
    const anywhere = waiting.filter(work => work.key === undefined)
    for (const runner of serve) {
      const vain = anywhere.find(({ needs }) => hasTime(runner, needs, false))
      assert(!vain, `${vain} waits, and ${runner.id} is free`)
    }
    const idle = serve.filter(runner => runner.running === 0)
    for (const runner of idle) {
      const vain = leases.find(({ needs }) => hasTime(runner, needs, false))
      assert(!vain, `spawn ${vain?.id} waits, and ${runner.id} is idle`)
    }
    const spawns = leases.length
    const waitsAtAll = anywhere.length + spawns
    const count = countOf(this.#world.runners)
    const coming = alive.filter(runner => !runner.ready && runner.state !== "draining")
    const booting = coming.filter(runner => !this.#isAhead(runner)).length
    const leaving = alive.some(runner => runner.state === "draining" || runner.retiring !== undefined)
    if (count >= max && booting === 0 && !leaving) {
      // A second may pass until it is seen that time has passed.
      const needy = [...anywhere, ...leases].find(({ needs }) => needs > 0)
      const inTheWay = idle.find(runner => needy && !hasTime(runner, needy.needs - 1_100, false))
      assert(!inTheWay, `spawn or ${needy} waits at max, and ${inTheWay?.id} is idle and has too little time`)
    }
    if (backingOff || waitsAtAll === 0 || count >= max) return
    const each = setting.singleUse ? 1 : setting.maxConcurrency
    const want = spawns + Math.ceil(anywhere.length / each)
    assert(booting >= Math.min(want, max - count + booting), `${want} runners are wanted, ${booting} boot`)
  }

  /** Runners that are too many are on their way out, and those of `min` are there. */
  #limits(alive: SimulatedRunner[]): void {
    const { backingOff, closing, pool, setting } = this.#world
    const { min, max } = pool.stats()
    const stay = alive.filter(runner => stays(runner) && !this.#isAhead(runner))
    const heirs = alive.filter(runner => stays(runner) && runner.successorOf !== undefined)
    const places = new Set(heirs.map(runner => runner.successorOf))
    assert.equal(places.size, heirs.length, "two runners are to take the place of one")
    assert(stay.length <= max || stay.every(runner => runner.leased), `${stay.length} are to stay, and max is ${max}`)
    if (closing || backingOff || setting.minIdles || countOf(this.#world.runners) >= max) return
    assert(stay.length >= min, `${stay.length} are there, and min is ${min}`)
  }

  /** The one whose place it is to take works on: the two are one. */
  #isAhead(runner: SimulatedRunner): boolean {
    const before = this.#world.runners.find(({ id }) => id === runner.successorOf)
    return before !== undefined && stays(before)
  }

  /** Runs a rule where an exception would be caught by the pool: it is told when all is quiet. */
  #hold(rule: () => void): void {
    try {
      rule()
    } catch (error) {
      this.#broken ??= error
    }
  }
}

/** How many there are, as `max` counts them: those that end in favour of another one are not counted. */
function countOf(runners: readonly SimulatedRunner[]): number {
  const alive = runners.filter(runner => runner.state !== "gone")
  const heirs = runners.filter(runner => runner.successorOf !== undefined)
  const outgoing = alive.filter(runner => {
    const own = heirs.filter(heir => heir.successorOf === runner.id)
    return own.some(heir => isAlive(heir.state)) || (own.length > 0 && !stays(runner))
  })
  return alive.length - outgoing.length
}

/** It works, or will, and is to go on. */
function stays({ state, retiring }: SimulatedRunner): boolean {
  return isAlive(state) && retiring === undefined
}

/** Its holder may not have heard of it yet. */
function isOver(lease: Lease<unknown>): boolean {
  try {
    return lease.endpoint === undefined
  } catch (error) {
    return error instanceof ReleasedError
  }
}
