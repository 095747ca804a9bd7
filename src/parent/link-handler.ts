/** What a runner's link is told and what it tells. Types only: the link does not know who listens. */
import type { FlameError } from "../shared/errors.ts"
import type { CallIds, DrainReason, SupervisorMessage } from "../transport/protocol.ts"
import type { Session } from "../transport/session.ts"
import type { LogDesk } from "./log-desk.ts"

/** What a runner's link tells. */
export interface LinkHandler {
  hello(who: { jobId: string; node: string; pid: number }): void
  /** A later incarnation says hello: what ran in the job before is not the runner any more. */
  reborn(): void
  /** The worker is connected and needs the module. */
  worker(welcome: (module: { module: string; source: string }) => void): void
  /** The worker serves. */
  ready(session: Session, exports: string[], calls?: CallIds): void
  /** The runner cannot serve, and says why. */
  fail(error: unknown): void
  /** The clock of its node, beside this one's. Told with each connection. */
  clock(node: string, skewMs: number): void
  /** What does the scheduler say of the job now? `signalled`: a word is waited for. */
  ask(signalled: boolean): void
  draining(reason: DrainReason, leftMs: number): void
  workerExit(exit: SupervisorMessage & { t: "worker-exit" }): void
  bye(reason: DrainReason | "crashed", cut: boolean): void
  /** The supervisor's connection is cut, and may come back. */
  unreachable(reason: FlameError): void
  /** The supervisor is connected, for the first time or again. */
  reachable(): void
  /** The worker is connected again. */
  restored(): void
  /** The worker's line is over; `workerExit` may follow and explain it. */
  dataLost(reason: FlameError, generation: number): void
  /** The supervisor's line is over without a bye. */
  controlLost(reason: FlameError): void
  /** Nothing is wanted of the runner at present, so that its silence harms nobody. */
  idle(): boolean
  refused(why: string, from: string): void
  callbackFailed(error: unknown): void
}

/** What a link needs to know of its runner; it tells its runner some of it. */
export interface LinkSettings {
  readonly runnerId: string
  readonly pool: string
  readonly maxConcurrency: number
  readonly heartbeatMs: number
  /** How long a runner bears a silent parent. */
  readonly silenceMs: number
  /** How long either side waits for a connection that was cut to be replaced. */
  readonly reconnectMs: number
  /** The runner's lease: no longer than `reconnectMs`, after which its calls may run elsewhere. Left out: none. */
  readonly leaseMs?: number | undefined
  /** How long a runner without a parent gives its hooks. */
  readonly orphanGraceMs: number
  /** Where lines that the worker writes are wanted, or are not. Left out: nowhere. */
  readonly logs?: LogDesk | undefined
  /** In a pool that persists: of its parents, this one. A runner that knows a later one is not spoken to. */
  readonly epoch?: number | undefined
  /** The same while unlinked work is open. */
  readonly unlinkedGraceMs: number
}
