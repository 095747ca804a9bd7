/** Makes a pool's runners: jobs of its backend that dial the program's port. Owns the pool's seat there and the way to the backend. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { stateDirectory } from "../shared/state-dir.ts"
import type { CallBook } from "./call-book.ts"
import type { PoolEmitter } from "./events.ts"
import { listenHosts } from "./host.ts"
import { type HubSeat, HubShare, type Sharing } from "./hub-share.ts"
import { Legacy } from "./legacy.ts"
import { NodeClocks } from "./node-clocks.ts"
import { PendingNews } from "./pending-news.ts"
import type { PoolSettings } from "./pool-options.ts"
import type { PooledRunner, RunnerHost, RunnerIdentity } from "./pooled-runner.ts"
import { RunEntry } from "./run-entry.ts"
import { PoolRunner } from "./runner.ts"
import { followScheduler } from "./scheduler-news.ts"
import { SharedSubmissions } from "./shared-submissions.ts"
import type { Submissions } from "./submissions.ts"
import { SubmitBatch } from "./submit-batch.ts"
import { UnconfirmedEnds } from "./unconfirmed-ends.ts"

/** What a runner without a parent gives its hooks. */
const ORPHAN_GRACE_MS = 5_000
/** Below this a busy node could not keep it. */
const LEAST_LEASE_MS = 1_000
/** The same file whether this runs from dist/parent or from src/parent. */
const SUPERVISOR = fileURLToPath(new URL("../../dist/bin/supervisor.js", import.meta.url))

export class RunnerFactory {
  readonly #settings: PoolSettings & Sharing
  readonly #emitter: PoolEmitter
  readonly #pending: PendingNews
  readonly #submissions: Submissions
  readonly #legacy: Legacy | undefined
  readonly #book: CallBook | undefined
  readonly #unfollow: () => void
  readonly #unconfirmed: UnconfirmedEnds
  readonly #clocks: NodeClocks
  #hub: Promise<HubSeat> | undefined
  #entry: RunEntry | undefined
  #closed = false

  /** @param book Where runners tell what they have of calls with an id; for a pool that persists. */
  constructor(settings: PoolSettings & Sharing, emitter: PoolEmitter, book?: CallBook) {
    this.#settings = settings
    this.#emitter = emitter
    const { backend } = settings
    this.#submissions = (backend.runnersPerJob ?? 1) > 1 ? new SharedSubmissions(backend) : new SubmitBatch(backend)
    this.#pending = new PendingNews(emitter, settings.logger)
    this.#unfollow = followScheduler(settings.backend, emitter, settings.logger)
    this.#unconfirmed = new UnconfirmedEnds(settings.logger)
    this.#clocks = new NodeClocks(settings.logger)
    if (!settings.persistence) return
    this.#legacy = new Legacy(settings, settings.persistence)
    this.#book = book
    // Whoever wants to know from another host whether this parent lives asks its port.
    this.#openHub().then(
      ({ addresses }) => setImmediate(() => this.#legacy!.announce(addresses)), // those who have a key are admitted first
      () => {}, // it is told to those who boot
    )
  }

  /** The runners that the pool's last parent left and this one takes back. Never rejects. */
  async heirs(): Promise<readonly string[]> {
    return (await this.#legacy?.heirs()) ?? []
  }

  make({ run, ...identity }: RunnerIdentity, host: RunnerHost): PooledRunner {
    const { name, backend, module, bootTimeoutMs, env, logger, maxConcurrency } = this.#settings
    const { heartbeatMs, orphanMs, reconnectMs } = this.#settings
    return new PoolRunner(
      {
        ...identity,
        pool: name,
        backend,
        module,
        submissions: this.#submissions,
        unconfirmed: this.#unconfirmed,
        clocks: this.#clocks,
        hub: () => this.#enter(run),
        entry: SUPERVISOR,
        bootTimeoutMs,
        env,
        logger,
        maxConcurrency,
        heartbeatMs,
        silenceMs: orphanMs,
        reconnectMs,
        // On this machine a parent that cannot be reached is dead or busy, and gives nothing up.
        leaseMs: backend.network === "loopback" ? 0 : Math.max(LEAST_LEASE_MS, Math.floor(reconnectMs)),
        orphanGraceMs: ORPHAN_GRACE_MS,
        unlinkedGraceMs: Math.max(ORPHAN_GRACE_MS, this.#settings.shutdownMs),
        logs: this.#emitter.logs,
        keeping: this.#legacy,
        epoch: this.#legacy?.epoch,
        book: this.#book,
        keepDir: this.#settings.keepDir ?? join(stateDirectory(), "kept", name, identity.runnerId),
        waits: info => this.#pending.tell(info),
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
    this.#unfollow()
    this.#unconfirmed.tell()
    const hub = await this.#hub?.catch(() => undefined) // that it could not listen was told to those who booted
    hub?.close()
    // What has been taken over by another parent is on its record now.
    if (this.#legacy?.held !== false) await this.#entry?.end()
    this.#legacy?.close()
  }

  /** The process exits. @param clean The pool's jobs are cancelled. A submission under way may become one all the same. */
  exit(clean: boolean): void {
    if (clean && this.#submissions.underWay === 0) this.#entry?.endSync()
  }

  /** Nothing is submitted before the run is on record. */
  async #enter(run: string): Promise<HubSeat> {
    const seat = await this.#openHub()
    this.#entry ??= new RunEntry(this.#settings, run)
    const [first] = seat.addresses // all of them are as good for asking whether this program lives
    await this.#entry.begin(first!)
    return seat
  }

  #openHub(): Promise<HubSeat> {
    if (this.#hub) return this.#hub
    const { backend, logger, tls, hubs = new HubShare() } = this.#settings
    const join = async () => {
      const { addresses, missing } = listenHosts(backend)
      for (const error of missing) logger.warn({ error }, "an address is left out")
      return await hubs.join(addresses, tls, {
        logger,
        refused: event => this.#emitter.emit("refused", event),
        closing: () => this.#closed,
      })
    }
    const hub = join()
    this.#hub = hub
    hub.catch(() => {
      this.#hub = undefined // the address may be there at the next try
    })
    return hub
  }
}
