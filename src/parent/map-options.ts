/** The options of `pool.map`: types, defaults, and checks that name the option and say what to do. */
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { CALL_OPTIONS, type CallOptions, checkCallOptions } from "./call-options.ts"
import { rejectUnknown, wholeNumber } from "./option-checks.ts"

/**
 * Options of `pool.map`. Those of a call are for each item (`timeout`: its wait for a runner included), but `signal`, which is
 * for the whole: aborting it ends the map.
 */
export interface MapOptions extends CallOptions {
  /** Items under way at a time. @default as many as the pool can run: `max` × `maxConcurrency`, also when that changes */
  concurrency?: number
  /** `'input'`: results in the order of their items. `'completion'`: as they come. @default 'input' */
  order?: "input" | "completion"
  /**
   * `'throw'`: the first failure ends the map. `'settle'`: each item gives what became of it, `{ status: 'fulfilled', value,
   * item, index }` or `{ status: 'rejected', reason, item, index }`. @default 'throw'
   */
  onError?: "throw" | "settle"
}

/** What a map works with: checked, with defaults. */
export interface MapSettings {
  /** Undefined: as many as the pool can run. */
  readonly concurrency: number | undefined
  readonly ordered: boolean
  readonly settle: boolean
  readonly signal: AbortSignal | undefined
  /** What is passed on to each item's call. */
  readonly call: CallOptions
}

const HINT = "{ concurrency: 8, order: 'completion', onError: 'settle', timeout: '5m', signal }"

/** @throws OptionError */
export function checkMapOptions(options: MapOptions = {}): MapSettings {
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", `the options of map() must be an object, got ${show(options)}`, { hint: HINT })
  }
  rejectUnknown(options, ["concurrency", "order", "onError", ...CALL_OPTIONS], "map()")
  const { concurrency, order, onError, ...call } = options
  checkCallOptions(call, { timeoutMs: 0 }, "map()")
  return {
    concurrency: concurrency === undefined ? undefined : wholeNumber(concurrency, "concurrency", 1),
    ordered: oneOf(order, "order", ["input", "completion"]) === "input",
    settle: oneOf(onError, "onError", ["throw", "settle"]) === "settle",
    signal: call.signal,
    call,
  }
}

/** The first of `known` is the default. */
function oneOf<const T extends string>(value: T | undefined, option: string, known: readonly [T, ...T[]]): T {
  if (value === undefined) return known[0]
  if (known.includes(value)) return value
  const words = known.map(word => `'${word}'`).join(" or ")
  throw new OptionError(option, `\`${option}\` is ${words}, got ${show(value)}`)
}
