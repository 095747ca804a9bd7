/**
 * One runner as the pool holds it: a job, a link, slots, and one state. Owns the runner's whole life from submission to the
 * job's end; knows its pool only as a host that is told.
 */
import { asError } from "../shared/as-error.ts"
import type { Job, JobStatus } from "../shared/backend.ts"
import { ConnectionError, type GoneReason, type JobEvidence, RunnerLostError } from "../shared/errors.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import type { CallIds, DrainReason, SupervisorMessage } from "../transport/protocol.ts"
import type { Session } from "../transport/session.ts"
import { bootTimedOut, diedWhileBooting, neverStarts, reviveFailure } from "./boot-failure.ts"
import { Link } from "./chain.ts"
import { Departure } from "./departure.ts"
import type { RunnerInfo } from "./events.ts"
import { crashOr, inDoubt, isOurs, withoutNews } from "./gone-reason.ts"
import { Idler } from "./idle-watch.ts"
import { lostError, openAfterDrain } from "./lost-error.ts"
import type { EndReason, PooledRunner, RunnerHost } from "./pooled-runner.ts"
import { RunnerEnd } from "./runner-end.ts"
import { RunnerFace } from "./runner-face.ts"
import { infoOf } from "./runner-info.ts"
import { LATE_MS, RunnerJob } from "./runner-job.ts"
import { RunnerLink } from "./runner-link.ts"
import type { RunnerSettings } from "./runner-settings.ts"
import { type RunnerState, transition } from "./runner-state.ts"
import { Service } from "./service.ts"
import { OF_A_WORKER, workerLoss } from "./worker-loss.ts"

export class PoolRunner extends RunnerFace implements PooledRunner {
  readonly id: string
  readonly serial: number
  /** Resolves when the runner is gone. */
  readonly closed: Promise<RunnerInfo>
  readonly berth: Link<PooledRunner> = new Link(this)
  readonly idler: Idler<PooledRunner> = new Idler(this)
  readonly #settings: RunnerSettings
  readonly #host: RunnerHost
  readonly #link: RunnerLink
  protected readonly service: Service
  readonly #job: RunnerJob
  readonly #departure: Departure
  readonly #end: RunnerEnd
  #state: RunnerState = "submitting"
  #bootTimer: LongTimer | undefined
  #goneReason: GoneReason | undefined
  #resolveClosed!: (info: RunnerInfo) => void

  constructor(settings: RunnerSettings, host: RunnerHost) {
    super(settings)
    this.id = settings.runnerId
    this.serial = settings.serial
    this.#settings = settings
    this.#host = host
    const { maxConcurrency, book } = settings
    const serviceHost = { serves: () => this.ready, loaded: () => host.loaded(this), freed: () => host.freed(this) }
    this.service = new Service(maxConcurrency, serviceHost, book)
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve
    })
    this.#departure = new Departure(settings.backend, this, {
      requeued: () => this.#requeued(),
      lost: reason => this.#lost(reason),
      overdue: reason => this.#gone(this.#goneReason ?? reason),
    })
    this.#job = new RunnerJob(settings, {
      accept: peer => this.#link.accept(peer),
      submitted: () => this.#submitted(),
      status: status => this.#onStatus(status),
    })
    this.#link = new RunnerLink(settings, {
      hello: who => this.#hello(who),
      reborn: () => {
        this.#departure.heard(true)
        this.#requeued()
      },
      worker: welcome => this.#worker(welcome),
      ready: (session, exports, calls) => this.#ready(session, exports, calls),
      fail: error => this.#gone("boot-failed", reviveFailure(error, settings.module.file, this.evidence)),
      clock: (node, skewMs) => this.#end.clock(node, skewMs),
      ask: signalled => void this.#end.ask(signalled),
      draining: (reason, leftMs) => this.#draining(reason, leftMs),
      workerExit: exit => this.#workerExit(exit),
      bye: (reason, cut) => this.#bye(reason, cut),
      unreachable: reason => this.#unreachable(reason),
      reachable: () => this.#reachable(),
      restored: () => this.#freed(),
      dataLost: (reason, generation) => this.#dataLost(reason, generation),
      controlLost: reason => this.#explain(reason),
      idle: () => this.ready && this.running === 0 && !this.leased,
      refused: (why, from) => settings.logger.warn({ runner: this.id, from, why }, "a peer was refused"),
      callbackFailed: error => settings.logger.warn({ runner: this.id, error }, "a callback threw"),
    })
    this.#end = new RunnerEnd(this.time, this.#job, this.#link, settings)
  }

  get state(): RunnerState {
    return this.#state
  }
  get free(): number {
    return this.#link.up ? this.service.free : 0
  }
  get job(): Job | undefined {
    return this.#job.job
  }
  get info(): RunnerInfo {
    return infoOf(this, this.time.endsAt, this.#end.skewMs, this.#link.addresses, this.#settings.backend)
  }

  jobOver(): Promise<void> {
    return this.#job.over()
  }

  get evidence(): JobEvidence {
    return this.#job.evidence
  }
  get goneReason(): GoneReason | undefined {
    return this.#goneReason
  }

  async boot(before?: () => Promise<void>): Promise<void> {
    this.#armBootTimer()
    try {
      if (before) await before()
      if (this.#state !== "gone") await this.#job.submit()
    } catch (error) {
      this.#gone("boot-failed", asError(error))
    }
  }

  async shutdown(reason: EndReason, graceMs: number): Promise<void> {
    if (this.#state === "ready" || this.#state === "draining") {
      this.#link.drain(reason, graceMs)
      if (this.#state === "ready") this.#draining(reason, graceMs)
      const late = after(graceMs + LATE_MS, () => this.#gone(reason))
      await this.closed
      late.stop()
    } else {
      this.#gone(reason)
    }
    await this.#job.over()
  }

  #submitted(): void {
    if (this.#state === "submitting") this.#move("submitted") // a local runner may have said hello already
  }

  #onStatus(status: JobStatus): void {
    const requeued = this.#departure.hear(status)
    switch (status.state) {
      case "pending":
        if (requeued && this.#state !== "pending") this.#link.onceRead(() => this.#requeued(), requeued === "alive")
        if (status.reason !== undefined) this.#job.learn({ slurmReason: status.reason })
        if (this.#state === "submitted") this.#move("pending")
        if (this.#state !== "pending") return
        this.#settings.waits?.(this.info)
        if (status.outlook === "never") this.#gone("boot-failed", neverStarts(this.id, status, this.evidence))
        return
      case "running":
        this.#job.learn({ node: status.node, timeLimitMs: status.limitMs }, "slurmReason")
        if (this.#state === "submitted" || this.#state === "pending") this.#move("booting")
        this.#link.hold(status.suspended === true)
        this.#end.heard(status)
        if (this.#state === "ready" && !status.ending) this.#rest()
        return
      case "ended":
        return this.#jobEnded(status)
      case "unknown":
        return
    }
  }

  #jobEnded(status: JobStatus & { state: "ended" }): void {
    this.#job.learn(status.evidence)
    const over = () => {
      if (this.service.begun || this.#job.adopted) this.#gone(this.#departure.reason ?? "connection-lost")
      else this.#gone("boot-failed", diedWhileBooting(this.id, this.evidence))
    }
    this.#link.onceRead(over, status.outcome === "node-fail")
  }

  /** What ran in the job is lost, but the runner is not: the scheduler starts the job again, or has done so. */
  #requeued(): void {
    if (this.#state === "gone") return
    const reason = this.#goneReason === "node-fail" ? "node-fail" : "requeued"
    const unwanted = this.retiring ?? this.#goneReason
    if (unwanted !== undefined && (this.retiring !== undefined || isOurs(unwanted))) return this.#gone(unwanted)
    this.#departure.settle()
    this.#link.vacate()
    this.service.fail(lostError(this.id, reason, true, this.evidence))
    this.#goneReason = undefined
    this.time.forget()
    this.#job.learn({}, "node", ...OF_A_WORKER)
    this.#job.attend("watch")
    if (this.#state === "pending") return
    const served = this.#state === "ready" || this.#state === "draining" || this.service.begun
    this.#move("pending")
    this.#armBootTimer()
    if (served) this.#host.restarting(this, reason)
    this.service.evict()
  }

  #hello(who: { jobId: string; node: string }): void {
    this.#job.learn({ jobId: who.jobId, node: who.node })
    this.#started()
  }

  /** A process of the job spoke: it runs, whatever the scheduler has said so far. Either socket may be the first. */
  #started(): void {
    if (this.#state === "submitting") this.#move("submitted")
    if (this.#state !== "submitted" && this.#state !== "pending") return
    this.#departure.heard(false)
    this.#move("booting")
  }

  #worker(welcome: (module: { module: string; source: string }) => void): void {
    this.#started()
    this.moments.connected()
    this.#settings.module.ready().then(welcome, (error: Error) => this.#gone("boot-failed", error))
  }

  #ready(session: Session, exports: string[], calls: CallIds | undefined): void {
    if (this.#state !== "booting") return
    this.#bootTimer?.stop()
    this.#job.learn({}, ...OF_A_WORKER) // before this one
    this.service.begin(session, exports, this, calls)
    this.#move("ready")
    if (calls) this.service.follow(calls.running)
    this.#settings.book?.heard(this.id)
    this.#rest()
    this.#host.ready(this)
  }

  #draining(reason: DrainReason, leftMs: number): void {
    if (this.#state === "draining" || this.#state === "gone") return
    this.#move("draining")
    this.#goneReason = reason
    // A signal does not say whether the job is being cancelled or was only warned. If it runs on, the runner has until its end.
    if (this.#departure.open) this.#job.attend("watch")
    if (reason === "cancelled" || reason === "walltime") void this.#end.ask(false)
    this.#host.draining(this, reason, leftMs)
    this.service.evict()
  }

  #workerExit(exit: SupervisorMessage & { t: "worker-exit" }): void {
    const loss = workerLoss(exit)
    this.#job.learn(loss.evidence)
    if (!this.service.begun) return this.#gone("boot-failed", diedWhileBooting(this.id, this.evidence))
    this.#departure.settle()
    this.service.fail(lostError(this.id, loss.reason, true, this.evidence))
    if (this.#state !== "ready" || !exit.restart) return // a bye follows
    this.#move("booting")
    this.#armBootTimer()
    this.#host.restarting(this)
    this.service.evict()
  }

  #bye(reason: DrainReason | "crashed", cut: boolean): void {
    this.#settings.logger.debug({ runner: this.id, reason, cut }, "runner said bye")
    if (reason === "walltime" && this.#goneReason === "cancelled") this.#goneReason = reason // it has learnt what the signal was
    if (!this.service.begun && reason === "crashed") this.#gone("boot-failed", diedWhileBooting(this.id, this.evidence))
    else if (reason !== "crashed" && this.#departure.await(reason)) return
    else if (inDoubt(this.#goneReason, this.#settings.backend)) this.#explain(new ConnectionError("it said goodbye"))
    else this.#gone(this.#goneReason ?? crashOr(reason, this.evidence), undefined, true)
  }

  /** The network is cut, or the runner is dead: the scheduler may know. If it comes back, nothing was lost. */
  #unreachable(reason: Error): void {
    if (this.#state === "gone") return
    this.#job.attend("watch")
    this.#link.hold(this.#departure.suspended) // the scheduler may have said so before it was noticed
    this.#settings.logger.warn({ runner: this.id, reason: reason.message }, "a runner's connection was cut")
    this.#host.loaded(this)
  }

  #reachable(): void {
    this.#end.tell()
    if (this.#state !== "ready") return
    this.#rest()
    this.#freed()
  }

  /** The runner itself tells of its end now: a worker may serve before its supervisor can. */
  #rest(): void {
    if (this.#departure.suspended) return // until it is said to go on
    const foreseen = this.time.endsAt !== undefined || this.#settings.backend.network === "loopback"
    if (foreseen && this.#link.supervised) this.#job.attend("rest")
  }

  #dataLost(reason: Error, generation: number): void {
    if (this.#state === "draining") {
      const left = openAfterDrain(reason, this, this.#settings.backend)
      // What becomes of the job is what its calls are told.
      if (left && !(left instanceof RunnerLostError && this.#departure.open)) this.service.fail(left)
    } else if (this.#state === "ready" && !this.#link.resetWorker(generation)) this.#explain(reason)
  }

  #explain(reason: Error): void {
    if (this.#state !== "gone") this.#departure.explain(reason)
  }

  #lost(reason: Error): void {
    this.#settings.logger.warn({ runner: this.id, reason: reason.message }, "a runner's connection was lost")
    if (this.service.begun) this.#gone(this.#goneReason ?? withoutNews(this.#settings.backend, this.#job.job?.status))
    else this.#gone("boot-failed", diedWhileBooting(this.id, { ...this.evidence, stderrTail: reason.message }))
  }

  #armBootTimer(): void {
    const { bootTimeoutMs } = this.#settings
    this.#bootTimer?.stop()
    this.#bootTimer = after(bootTimeoutMs, async () => {
      await this.#job.hear()
      if (this.#state === "ready" || this.#state === "draining") return // just in time
      const { status } = this.#job.job ?? {}
      const heldUp = status ? undefined : this.#settings.backend.heldUp?.()
      this.#gone("boot-timeout", bootTimedOut(this.id, bootTimeoutMs, status, this.evidence, heldUp))
    })
  }

  /** @param leaving The runner ends its job by itself. */
  #gone(reason: GoneReason, error?: Error, leaving = false): void {
    if (this.#state === "gone") return
    this.#move("gone")
    this.#goneReason = reason
    this.#bootTimer?.stop()
    this.#departure.settle()
    const lost = lostError(this.id, reason, true, this.evidence)
    this.#job.learn(lost.evidence) // with the advice
    this.#job.end(error ?? lost, leaving)
    this.#link.close(new ConnectionError(`the runner is gone: ${reason}`))
    this.service.fail(lost)
    this.#host.gone(this, this.service.begun || this.#job.adopted || isOurs(reason) ? undefined : (error ?? lost))
    this.service.end()
    this.#resolveClosed(this.info)
  }

  #freed(): void {
    this.#host.loaded(this)
    this.#host.freed(this)
  }

  #move(to: RunnerState): void {
    const from = this.#state
    this.#settings.logger.debug({ runner: this.id, from, to }, "runner")
    this.#state = transition(from, to, this.id)
    this.moments.moved(to)
    this.#host.moved(this, from)
    if (to === "pending" || to === "gone") this.#settings.book?.heard(this.id)
  }
}
