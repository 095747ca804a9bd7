/** The options of one call and of a lease: types, defaults, and checks that name the option and say what to do. */
import { type Duration, type Infinite, toMs } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { Marks } from "../transport/protocol.ts"
import type { HeldObjects } from "./held-objects.ts"
import type { Limits } from "./limit-watch.ts"
import { rejectUnknown } from "./option-checks.ts"

/** Options of one call. */
export interface CallOptions {
  /** Total time: queue + boot + run. The remote function's signal is aborted when it is over. @default the pool's */
  timeout?: Duration | Infinite
  /** Aborting it rejects the call at once, and aborts the remote function's signal. */
  signal?: AbortSignal
  /**
   * Whether the work belongs to its caller. False: `signal` rejects the call at once but does not stop the work (`timeout` does),
   * and when the parent is gone it may finish within the pool's `shutdownTimeout`. @default true
   */
  link?: boolean
  /**
   * Values in the result that can be disposed of (`Trackable`) stay on the runner and cross by reference, wherever they are in it.
   * Together they hold the runner and the call's slot until each of them is disposed of. @default the pool's
   */
  trackResources?: boolean
}

/** A resource: something that says how it is disposed of. */
export type Trackable = AsyncDisposable | Disposable

/** What holds for calls whose options say nothing. */
export interface CallDefaults {
  readonly timeoutMs: number
  readonly trackResources?: boolean
  /** Hears of what results hold by reference. */
  readonly held?: HeldObjects
}

/** Options of `spawn`. */
export interface SpawnOptions {
  /** How long to wait for a runner, its boot included. @default the pool's `timeout` */
  timeout?: Duration | Infinite
  signal?: AbortSignal
}

/**
 * @param defaults Where `options` has none. A number is a time for what is no call, and has a `timeout` and a `signal` alone.
 * @param where Whose options they are, for messages.
 * @throws OptionError
 */
export function checkCallOptions(
  options: CallOptions | undefined,
  defaults: number | CallDefaults,
  where = "a call",
): Limits {
  const isCall = typeof defaults === "object"
  const { timeoutMs, trackResources = false, held }: CallDefaults = isCall ? defaults : { timeoutMs: defaults }
  if (options === undefined) return { timeoutMs, signal: undefined, marks: marksOf(true, trackResources), held }
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", `the options of ${where} must be an object, got ${show(options)}`, {
      hint: "{ timeout: '5m', signal }",
    })
  }
  rejectUnknown(options, isCall ? CALL_OPTIONS : LIMITS, where)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new OptionError("signal", "`signal` is not an AbortSignal")
  }
  return {
    timeoutMs: options.timeout === undefined ? timeoutMs : toMs(options.timeout, "timeout"),
    signal: options.signal,
    marks: marksOf(flag(options, "link") ?? true, flag(options, "trackResources") ?? trackResources),
    held,
  }
}

const LIMITS = ["timeout", "signal"] as const
const CALL_OPTIONS = [...LIMITS, "link", "trackResources"] as const

/** @throws OptionError when it is neither true nor false. */
export function flag<N extends string>(options: { readonly [K in N]?: unknown }, name: N): boolean | undefined {
  const value: unknown = options[name]
  if (value === undefined || typeof value === "boolean") return value
  throw new OptionError(name, `\`${name}\` is true or false, got ${show(value)}`)
}

function marksOf(link: boolean, track: boolean): Marks | undefined {
  if (link && !track) return undefined
  return { ...(link ? {} : { unlinked: true }), ...(track ? { track: true } : {}) }
}
