/** What a pool tells the world of its runners: the events and the user's callbacks, together. Decides nothing. */
import { formatMs } from "../shared/duration.ts"
import { BootError, type GoneReason } from "../shared/errors.ts"
import type { PoolEmitter } from "./events.ts"
import { type GrowCallbacks, GrowHooks } from "./grow-hooks.ts"
import type { Logger } from "./logger.ts"
import type { PooledRunner } from "./pooled-runner.ts"

export class PoolNews {
  readonly #name: string
  readonly #emitter: PoolEmitter
  readonly #logger: Logger
  readonly #hooks: GrowHooks

  constructor(name: string, callbacks: GrowCallbacks, emitter: PoolEmitter, logger: Logger) {
    this.#name = name
    this.#logger = logger
    this.#emitter = emitter
    this.#hooks = new GrowHooks(callbacks, error => this.failed(error))
  }

  /** Something failed that no call can be told of. */
  failed(error: Error): void {
    this.#emitter.emit("error", error)
  }

  /** A runner is about to be booted. @returns what has to come to a good end before that, if anything has */
  grows({ id: runnerId }: PooledRunner, count: number): (() => Promise<void>) | undefined {
    this.#emitter.emit("grow", { pool: this.#name, runnerId, count })
    const { start } = this.#hooks
    return start && (() => start({ name: this.#name, runnerId, count }))
  }

  /** A runner serves, for the first time or with another worker. */
  serves(runner: PooledRunner, count: number, first: boolean): void {
    if (first) this.#hooks.end({ name: this.#name, runnerId: runner.id, count, error: undefined })
    this.#emitter.emit("runner:up", runner.info)
  }

  drains(runner: PooledRunner, drainReason: string, leftMs: number): void {
    this.#emitter.emit("runner:drain", { ...runner.info, drainReason, leftMs })
  }

  /** `successor` serves, and `runner`, whose walltime ends, takes no more work. */
  handedOver(runner: PooledRunner, successor: PooledRunner): void {
    const leftMs = Math.round(runner.time.leftMs)
    this.#logger.info({ runner: runner.id, successor: successor.id, leftMs }, "a runner hands over before its end")
    this.#emitter.emit("runner:handover", { runner: runner.info, successor: successor.info })
  }

  requeued(runner: PooledRunner, reason: GoneReason): void {
    this.#emitter.emit("runner:requeued", { ...runner.info, lostReason: reason, evidence: runner.evidence })
  }

  /** @param bootError Why it never served; undefined: it did. */
  gone(runner: PooledRunner, count: number, bootError: Error | undefined): void {
    const { id: runnerId, goneReason: reason = "connection-lost", evidence } = runner
    const name = this.#name
    this.#emitter.emit("runner:down", { ...runner.info, goneReason: reason, evidence })
    this.#emitter.emit("shrink", { pool: name, runnerId, count, reason })
    if (bootError) this.#hooks.end({ name, runnerId, count, error: bootError })
    this.#hooks.shrink({ name, runnerId, count, reason })
  }

  /** The breaker has opened. @param last The failure that opened it. */
  broken(last: Error, ms: number): void {
    const evidence = last instanceof BootError ? last.evidence : {}
    const message = `pool "${this.#name}": so many boots have failed in a row that no more runners are submitted for ${formatMs(ms)}. The last failure: ${last.message}`
    this.failed(new BootError(message, evidence, { cause: last }))
  }
}
