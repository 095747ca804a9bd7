/** The options of one call and of a lease: types, defaults, and checks that name the option and say what to do. */
import { type Duration, type Infinite, toMs } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { Limits } from "./limit-watch.ts"
import { rejectUnknown } from "./option-checks.ts"

/** Options of one call. */
export interface CallOptions {
  /** Total time: queue + boot + run. The remote function's signal is aborted when it is over. @default the pool's */
  timeout?: Duration | Infinite
  /** Aborting it rejects the call at once, and aborts the remote function's signal. */
  signal?: AbortSignal
}

/** Options of `spawn`. */
export interface SpawnOptions {
  /** How long to wait for a runner, its boot included. @default the pool's `timeout` */
  timeout?: Duration | Infinite
  signal?: AbortSignal
}

/** The names of all options of a call. */
export const CALL_OPTIONS = ["timeout", "signal"] as const satisfies readonly (keyof CallOptions)[]

/**
 * @param timeoutMs Where `options` has none.
 * @param where Whose options they are, for messages.
 * @throws OptionError
 */
export function checkCallOptions(options: CallOptions | undefined, timeoutMs: number, where = "a call"): Limits {
  if (options === undefined) return { timeoutMs, signal: undefined }
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", `the options of ${where} must be an object, got ${show(options)}`, {
      hint: "{ timeout: '5m', signal }",
    })
  }
  rejectUnknown(options, CALL_OPTIONS, where)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new OptionError("signal", "`signal` is not an AbortSignal")
  }
  return {
    timeoutMs: options.timeout === undefined ? timeoutMs : toMs(options.timeout, "timeout"),
    signal: options.signal,
  }
}
