/** The events of a pool and what they carry. Types, and an emitter that no listener can break. */
import { EventEmitter } from "node:events"
import type { Outlook, SchedulerNews } from "../shared/backend.ts"
import { type FlameError, type GoneReason, type JobEvidence, OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { suggest } from "../shared/suggest.ts"
import type { Refusal } from "../transport/strangers.ts"
import type { BootInfo } from "./boot-moments.ts"
import { LogDesk, type LogLine } from "./log-desk.ts"
import type { Logger } from "./logger.ts"
import type { RunnerState } from "./runner-state.ts"

/** What Slurm says of a job that waits. */
export interface PendingInfo {
  /** In its own words, e.g. `Resources`, `PartitionTimeLimit`; undefined until it gives one. */
  readonly reason: string | undefined
  /** What that means: its turn will come, a limit keeps it, somebody has to do something, or it can never start. */
  readonly outlook: Outlook | undefined
  /** When it is to start, where Slurm has planned that: it may become sooner or later. */
  readonly expectedStart: Date | undefined
  /** What can be done about it. */
  readonly hint: string | undefined
}

/** A runner as `pool.stats()`, `runner.info` and the events show it. */
export interface RunnerInfo {
  readonly id: string
  readonly state: RunnerState
  /** Slurm's job id, once there is one. */
  readonly jobId: string | undefined
  readonly node: string | undefined
  /** Why a pending job waits, in Slurm's words; why one is not submitted yet, where something keeps it; why a gone one went. */
  readonly reason: string | undefined
  /** While its job waits: why, and for how long. */
  readonly pending: PendingInfo | undefined
  /** Calls that run on it now. */
  readonly inFlight: number
  readonly leased: boolean
  /** End of the walltime, where there is one and it is known. */
  readonly deadline: Date | undefined
  /**
   * The clock of its node is so many ms ahead of this program's, below 0: behind; 0 as far as can be told; undefined before it has said
   * hello. `deadline` is on this program's clock, `runner().deadline` on the node's.
   */
  readonly clockSkewMs: number | undefined
  /** Both ends of the connection that calls travel on, once it is up; `local` is the parent's. */
  readonly addresses: { readonly local: string; readonly remote: string } | undefined
  /** It was booted to take the place of this runner (its id), whose walltime was about to end. */
  readonly successorOf: string | undefined
  /** How far its newest boot has come, and when: what a cold start is made of. */
  readonly boot: BootInfo
}

/** A resumable call that goes on. */
export interface CallResumed {
  /** Of the function. */
  readonly name: string
  /** The call's, where its caller gave it one. */
  readonly id: string | undefined
  /** How often it has been begun, this time included: 2 or more. */
  readonly attempt: number
  /** Why the attempt before this one ended: what its runner was lost to, or drains for. */
  readonly reason: GoneReason
  /** When the state was kept that it goes on from; undefined: there is none, and it begins at its beginning. */
  readonly checkpoint: Date | undefined
  /** The runner that it was on, as it was when the call left it. */
  readonly from: RunnerInfo
}

export interface PoolEvents {
  /** A job is about to be submitted; `count`: runners including this one. */
  grow: [{ pool: string; runnerId: string; count: number }]
  /** A runner's job waits, and Slurm has given a reason, or another one, or another time at which it is to start. */
  "runner:pending": [RunnerInfo & { pending: PendingInfo }]
  /** A runner takes calls. */
  "runner:up": [RunnerInfo]
  /** A runner is ending and takes no more calls; it has `leftMs` for what runs. */
  "runner:drain": [RunnerInfo & { drainReason: string; leftMs: number }]
  /** The walltime of `runner` ends, and its `successor` serves: `runner` takes no more calls, and ends when what runs there is done. */
  "runner:handover": [{ runner: RunnerInfo; successor: RunnerInfo }]
  /** A runner's job was put back into the queue: what ran there is lost, and it comes back as the same runner. */
  "runner:requeued": [RunnerInfo & { lostReason: GoneReason; evidence: JobEvidence }]
  /** A resumable call has been begun again: its runner was lost, or let it go. */
  "call:resumed": [CallResumed]
  /** A runner is gone. */
  "runner:down": [RunnerInfo & { goneReason: GoneReason; evidence: JobEvidence }]
  /** The pool got smaller; `count`: runners without this one. */
  shrink: [{ pool: string; runnerId: string; count: number; reason: GoneReason }]
  /**
   * User code, or what it started, wrote a line on a runner. Lines are sent only while somebody listens. Of a runner that writes more
   * than about 1 MiB a second some are left out, which a line `… 1234 lines dropped` in their place says; its job's log has them all.
   */
  log: [LogLine]
  /** Somebody who is no runner of ours was turned away. */
  refused: [Refusal]
  /** The scheduler does not answer, or does so again: once for each time. Runners that run are not concerned. */
  scheduler: [SchedulerNews]
  /** Something failed that no call could be told of (a failed boot, a cast). Without a listener it is logged. */
  error: [FlameError | Error]
}

const EVENTS: { readonly [E in keyof PoolEvents]: true } = {
  grow: true,
  "runner:pending": true,
  "runner:up": true,
  "runner:drain": true,
  "runner:handover": true,
  "runner:requeued": true,
  "call:resumed": true,
  "runner:down": true,
  shrink: true,
  log: true,
  refused: true,
  scheduler: true,
  error: true,
}

/** A typed emitter. What a listener throws is logged and changes nothing. */
export class PoolEmitter {
  readonly #emitter = new EventEmitter()
  readonly #logger: Logger
  /** Where runners bring their lines. */
  readonly logs = new LogDesk(line => this.emit("log", line))

  constructor(logger: Logger) {
    this.#logger = logger
    this.#emitter.setMaxListeners(0)
  }

  /** Returns a function that removes the listener. @throws OptionError for an event that there is not. */
  on<E extends keyof PoolEvents>(event: E, listener: (...args: PoolEvents[E]) => void): () => void {
    if (!Object.hasOwn(EVENTS, event)) {
      const names = Object.keys(EVENTS)
      const near = suggest(String(event), names)
      throw new OptionError("event", `there is no event ${show(event)}${near ? `. Did you mean \`${near}\`?` : ""}`, {
        hint: `known: ${names.join(", ")}`,
      })
    }
    this.#emitter.on(event, listener)
    this.logs.want(this.#emitter.listenerCount("log") > 0)
    return () => {
      this.#emitter.off(event, listener)
      this.logs.want(this.#emitter.listenerCount("log") > 0)
    }
  }

  emit<E extends keyof PoolEvents>(event: E, ...args: PoolEvents[E]): void {
    if (event === "error" && this.#emitter.listenerCount(event) === 0) {
      this.#logger.error({ error: args[0] }, "pool error")
      return
    }
    for (const listener of this.#emitter.listeners(event)) {
      const failed = (error: unknown) => this.#logger.error({ event, error }, "a listener threw")
      try {
        const result: unknown = listener(...args)
        if (result instanceof Promise) result.catch(failed) // an async listener throws later
      } catch (error) {
        failed(error)
      }
    }
  }
}
