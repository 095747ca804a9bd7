/**
 * Every error slurm-flame throws by itself. Owns the classes and their codes; knows nothing of pools, jobs or sockets.
 * Errors thrown by the user's own code on a runner are not in here: they arrive as themselves (see transport/remote-error.ts).
 */

import type { JobEvidence } from "./job-evidence.ts"

export type { JobEvidence } from "./job-evidence.ts"

/** Stable codes: match on these, not on messages. */
export type FlameErrorCode =
  | "ERR_FLAME_OPTION"
  | "ERR_FLAME_HOST"
  | "ERR_FLAME_MODULE"
  | "ERR_FLAME_SLURM_COMMAND"
  | "ERR_FLAME_SUBMIT"
  | "ERR_FLAME_BOOT"
  | "ERR_FLAME_BOOT_TIMEOUT"
  | "ERR_FLAME_RUNNER_LOST"
  | "ERR_FLAME_RUNNER_DRAINING"
  | "ERR_FLAME_RELEASED"
  | "ERR_FLAME_CALL_TIMEOUT"
  | "ERR_FLAME_CALL_ABORTED"
  | "ERR_FLAME_NO_EXPORT"
  | "ERR_FLAME_NOT_SERIALIZABLE"
  | "ERR_FLAME_PAYLOAD_TOO_LARGE"
  | "ERR_FLAME_HANDSHAKE"
  | "ERR_FLAME_PROTOCOL"
  | "ERR_FLAME_CONNECTION"
  | "ERR_FLAME_POOL_CLOSED"
  | "ERR_FLAME_STATE"
  | "ERR_FLAME_WALLTIME"
  | "ERR_FLAME_CHECKPOINT"

const BRAND = Symbol.for("slurm-flame.error")

export interface FlameErrorInit {
  /** What the reader can do about it; appended to the message. */
  hint?: string | undefined
  cause?: unknown
}

/** Base of all errors made by slurm-flame. `code` is stable; `hint` says what to do and is already part of `message`. */
export abstract class FlameError extends Error {
  abstract readonly code: FlameErrorCode
  /** True when the work that failed certainly did not start, so that doing it again is safe. */
  readonly retryable: boolean = false
  readonly hint: string | undefined

  constructor(message: string, init: FlameErrorInit = {}) {
    super(
      init.hint === undefined ? message : `${message}\n  hint: ${init.hint}`,
      "cause" in init ? { cause: init.cause } : {},
    )
    this.hint = init.hint
    Object.defineProperty(this, "name", { value: new.target.name, configurable: true, writable: true })
  }
}

Object.defineProperty(FlameError.prototype, BRAND, { value: true })

/** True for every error made by slurm-flame, also one from another copy of the package. */
export function isFlameError(value: unknown): value is FlameError {
  return typeof value === "object" && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}

/** Its message without the hint, for who says it again in another's words. */
export function wordsOf({ message, hint }: FlameError): string {
  const tail = `\n  hint: ${hint}`
  return hint !== undefined && message.endsWith(tail) ? message.slice(0, -tail.length) : message
}

/** A wrong, unknown or contradictory option. `option` names it. */
export class OptionError extends FlameError {
  readonly code = "ERR_FLAME_OPTION"
  constructor(
    readonly option: string,
    message: string,
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** No usable address to listen on or to dial from (`SLURM_FLAME_HOST`, `interface`). */
export class HostError extends FlameError {
  readonly code = "ERR_FLAME_HOST"
}

/** The user's module cannot be found, bundled or imported. `cause` is the original error. */
export class ModuleError extends FlameError {
  readonly code = "ERR_FLAME_MODULE"
  constructor(
    readonly module: string,
    message: string,
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** `sbatch`, `squeue` or `scancel` is missing, failed or timed out. */
export class SlurmCommandError extends FlameError {
  readonly code = "ERR_FLAME_SLURM_COMMAND"
  constructor(
    message: string,
    readonly command: {
      argv: readonly string[]
      exitCode: number | null
      signal: string | null
      stdout: string
      stderr: string
      /** The command was ended because it did not answer in time: what it asked for may have happened. */
      timedOut: boolean
      /** `ENOENT` when the program is not on PATH. */
      spawnCode?: string | undefined
    },
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** The job was refused when it was submitted; carries sbatch's own words in the message. */
export class SubmitError extends FlameError {
  readonly code = "ERR_FLAME_SUBMIT"
}

/** The job started, or should have, but no runner came of it. */
export class BootError extends FlameError {
  readonly code = "ERR_FLAME_BOOT"
  /** The job could never have started as it was asked for: another try would end in the same way. */
  readonly permanent: boolean
  constructor(
    message: string,
    readonly evidence: JobEvidence = {},
    init: FlameErrorInit & { permanent?: boolean } = {},
  ) {
    super(message, init)
    this.permanent = init.permanent ?? false
  }
}

/** No runner within `bootTimeout`; the job was cancelled. `evidence.slurmReason` is Slurm's reason while it was pending. */
export class BootTimeoutError extends FlameError {
  readonly code = "ERR_FLAME_BOOT_TIMEOUT"
  constructor(
    message: string,
    readonly evidence: JobEvidence = {},
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** Why a runner is gone. */
export type GoneReason =
  /** The pool ended it, as the next three. */
  | "idle"
  | "close"
  | "scale"
  | "single-use"
  /** `r.terminate()`. */
  | "terminated"
  /** Its time limit, or `--deadline`. */
  | "walltime"
  /** Somebody else ended its job: `scancel` by hand, an administrator. */
  | "cancelled"
  /** Slurm gave its nodes to another job. */
  | "preempted"
  /** It used more memory than it may. */
  | "out-of-memory"
  /** Slurm has given up its node. */
  | "node-fail"
  /** Slurm has put its job back into the queue: the runner comes back, what ran there is lost. */
  | "requeued"
  /** The worker ended by itself or by a signal, or the job failed. */
  | "crashed"
  /** It cannot be reached, and Slurm says that its job runs. */
  | "network"
  /** It cannot be reached, and nobody can say why. */
  | "connection-lost"
  /** It did not hear of its parent any more. */
  | "parent-gone"
  | "boot-failed"
  | "boot-timeout"

/** The runner went away while the call was there. `started` tells whether the call had been sent to it. */
export class RunnerLostError extends FlameError {
  readonly code = "ERR_FLAME_RUNNER_LOST"
  override readonly retryable: boolean
  constructor(
    message: string,
    readonly runnerId: string,
    readonly reason: GoneReason,
    readonly started: boolean,
    readonly evidence: JobEvidence = {},
    init?: FlameErrorInit,
  ) {
    super(message, init)
    this.retryable = !started
  }
}

/** The runner is about to end and takes no more calls. The call did not start. */
export class RunnerDrainingError extends FlameError {
  readonly code = "ERR_FLAME_RUNNER_DRAINING"
  override readonly retryable = true
  readonly started = false
  constructor(
    message: string,
    readonly runnerId: string,
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** The lease was released or terminated, and used again. */
export class ReleasedError extends FlameError {
  readonly code = "ERR_FLAME_RELEASED"
  override readonly retryable = true
}

/** The call did not finish in its total time (queue + boot + run). The remote function's signal is aborted. */
export class CallTimeoutError extends FlameError {
  readonly code = "ERR_FLAME_CALL_TIMEOUT"
  override readonly retryable: boolean
  constructor(
    message: string,
    readonly timeoutMs: number,
    readonly started: boolean,
    init?: FlameErrorInit,
  ) {
    super(message, init)
    this.retryable = !started
  }
}

/** The caller's signal was aborted; `cause` is `signal.reason`. `name` is `AbortError`, as everywhere in Node. */
export class CallAbortedError extends FlameError {
  readonly code = "ERR_FLAME_CALL_ABORTED"
  constructor(
    message: string,
    readonly started: boolean,
    init?: FlameErrorInit,
  ) {
    super(message, init)
    this.name = "AbortError"
  }
}

/** The runner's module has no such export. The message lists those it has. */
export class NoExportError extends FlameError {
  readonly code = "ERR_FLAME_NO_EXPORT"
  override readonly retryable = true
}

/** A value that cannot cross: `path` says where it is (`arguments[0].rows[3].fn`). Nothing was sent. */
export class NotSerializableError extends FlameError {
  readonly code = "ERR_FLAME_NOT_SERIALIZABLE"
  constructor(
    readonly path: string,
    message: string,
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** One message would be larger than `limit` bytes, or have more binary parts than a message can. Nothing was sent. */
export class PayloadTooLargeError extends FlameError {
  readonly code = "ERR_FLAME_PAYLOAD_TOO_LARGE"
  constructor(
    readonly bytes: number,
    readonly limit: number,
    init?: FlameErrorInit,
    message = `message of ${bytes} bytes is over the limit of ${limit} bytes`,
  ) {
    super(message, init)
  }
}

/** A peer was refused before it could speak (wrong key, wrong version, unknown runner). */
export class HandshakeError extends FlameError {
  readonly code = "ERR_FLAME_HANDSHAKE"
}

/** The peer sent what the protocol does not allow; the connection was closed. */
export class ProtocolError extends FlameError {
  readonly code = "ERR_FLAME_PROTOCOL"
}

/** The connection closed or failed. `closeCode` is the peer's, where it said one. */
export class ConnectionError extends FlameError {
  readonly code = "ERR_FLAME_CONNECTION"
  constructor(
    message: string,
    init?: FlameErrorInit,
    readonly closeCode?: number,
  ) {
    super(message, init)
  }
}

/** The pool is closing or closed. */
export class PoolClosedError extends FlameError {
  readonly code = "ERR_FLAME_POOL_CLOSED"
  override readonly retryable = true
}

/** Something was used in a state where that makes no sense (a bug in the caller, or in slurm-flame). */
export class StateError extends FlameError {
  readonly code = "ERR_FLAME_STATE"
}

/** The call needs more time than any runner of the pool has, were it the first on a new one. It did not start. Times are in ms. */
export class WalltimeError extends FlameError {
  readonly code = "ERR_FLAME_WALLTIME"
  constructor(
    message: string,
    /** What the call said that it needs. */
    readonly needsMs: number,
    /** What a new runner has for a call: its time limit, less what is kept at its end. */
    readonly limitMs: number,
    init?: FlameErrorInit,
  ) {
    super(message, init)
  }
}

/** A checkpoint cannot be kept or read. What lay on the disk before is as it was. */
export class CheckpointError extends FlameError {
  readonly code = "ERR_FLAME_CHECKPOINT"
}
