/** Makes a pool's runners: jobs of its backend that dial the program's port. Owns the pool's seat there and the way to the backend. */
import { fileURLToPath } from "node:url"
import type { PoolEmitter } from "./events.ts"
import { listenHost } from "./host.ts"
import { type HubSeat, HubShare, type Sharing } from "./hub-share.ts"
import type { PoolSettings } from "./pool-options.ts"
import type { PooledRunner, RunnerHost } from "./pooled-runner.ts"
import { PoolRunner } from "./runner.ts"
import { SharedSubmissions } from "./shared-submissions.ts"
import { type Submissions, SubmitBatch } from "./submit-batch.ts"

/** What a runner without a parent gives its hooks. */
const ORPHAN_GRACE_MS = 5_000
/** The same file whether this runs from dist/parent or from src/parent. */
const SUPERVISOR = fileURLToPath(new URL("../../dist/bin/supervisor.js", import.meta.url))

export class RunnerFactory {
  readonly #settings: PoolSettings & Sharing
  readonly #emitter: PoolEmitter
  readonly #submissions: Submissions
  #hub: Promise<HubSeat> | undefined
  #closed = false

  constructor(settings: PoolSettings & Sharing, emitter: PoolEmitter) {
    this.#settings = settings
    this.#emitter = emitter
    const { backend } = settings
    this.#submissions = (backend.runnersPerJob ?? 1) > 1 ? new SharedSubmissions(backend) : new SubmitBatch(backend)
  }

  make(identity: { runnerId: string; serial: number }, host: RunnerHost): PooledRunner {
    const { name, backend, module, bootTimeoutMs, env, logger, maxConcurrency } = this.#settings
    const { heartbeatMs, orphanMs, reconnectMs } = this.#settings
    return new PoolRunner(
      {
        ...identity,
        pool: name,
        backend,
        module,
        submissions: this.#submissions,
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
        logs: this.#emitter.logs,
      },
      host,
    )
  }

  /** What dials from now on is one of ours that is just being ended. */
  closing(): void {
    this.#closed = true
  }

  /** Leaves the port. */
  async close(): Promise<void> {
    const hub = await this.#hub?.catch(() => undefined) // that it could not listen was told to those who booted
    hub?.close()
  }

  #openHub(): Promise<HubSeat> {
    if (this.#hub) return this.#hub
    const { backend, logger, tls, hubs = new HubShare() } = this.#settings
    const join = async () =>
      await hubs.join(listenHost(backend), tls, {
        logger,
        refused: event => this.#emitter.emit("refused", event),
        closing: () => this.#closed,
      })
    const hub = join()
    this.#hub = hub
    hub.catch(() => {
      this.#hub = undefined // the address may be there at the next try
    })
    return hub
  }
}
