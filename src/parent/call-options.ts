/** The options of one call and of a lease: types, defaults, and checks that name the option and say what to do. */
import { type Duration, type Infinite, toMs } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { Limits } from "./limit-watch.ts"
import { rejectUnknown } from "./option-checks.ts"
import { checkRetries, type RetryOptions, type RetryPolicy } from "./retry-policy.ts"

/** Options of one call. */
export interface CallOptions {
  /** Total time: queue + boot + run. The remote function's signal is aborted when it is over. @default the pool's */
  timeout?: Duration | Infinite
  /** Aborting it rejects the call at once, and aborts the remote function's signal. */
  signal?: AbortSignal
  /**
   * Calls of one key go to one runner, the one that served the first of them, as long as it lives: data loaded there is there. They
   * wait for it where it is full. After a crash or a drain the key moves to another runner.
   */
  key?: string
  /**
   * How often the call may be run again after it failed, and after which errors; a number means: after the loss of its runner. What
   * never began moves to another runner by itself and costs no retry. @default 0
   */
  retries?: number | RetryOptions
}

/** What a call works with. */
export interface CallLimits extends Limits {
  readonly key?: string | undefined
  readonly retries?: RetryPolicy | undefined
}

/** Options of `spawn`. */
export interface SpawnOptions {
  /** How long to wait for a runner, its boot included. @default the pool's `timeout` */
  timeout?: Duration | Infinite
  signal?: AbortSignal
}

const SPAWN_OPTIONS = ["timeout", "signal"] as const satisfies readonly (keyof SpawnOptions)[]
/** The names of all options of a call. */
export const CALL_OPTIONS = [...SPAWN_OPTIONS, "key", "retries"] as const satisfies readonly (keyof CallOptions)[]

/**
 * @param timeoutMs Where `options` has none.
 * @param where Whose options they are, for messages.
 * @throws OptionError
 */
export function checkCallOptions(options: CallOptions | undefined, timeoutMs: number, where = "a call"): CallLimits {
  if (options === undefined) return { timeoutMs, signal: undefined }
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", `the options of ${where} must be an object, got ${show(options)}`, {
      hint: "{ timeout: '5m', signal }",
    })
  }
  rejectUnknown(options, where === "spawn()" ? SPAWN_OPTIONS : CALL_OPTIONS, where)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new OptionError("signal", "`signal` is not an AbortSignal")
  }
  return {
    timeoutMs: options.timeout === undefined ? timeoutMs : toMs(options.timeout, "timeout"),
    signal: options.signal,
    ...(options.key !== undefined && { key: checkKey(options.key) }),
    ...(options.retries !== undefined && { retries: checkRetries(options.retries) }),
  }
}

function checkKey(key: unknown): string {
  if (typeof key === "string" && key !== "") return key
  throw new OptionError("key", `\`key\` must be text that is not empty, got ${show(key)}`, {
    hint: "key: dataset.id",
  })
}
