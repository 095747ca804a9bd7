/** Whether work that failed is to be done again. Owns the option `retries` and what it means; counts nothing itself. */
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { rejectUnknown } from "./option-checks.ts"

/** Which failures a call is run again for, and how often. */
export interface RetryOptions {
  /** How many times it may be run again after it failed. */
  times: number
  /**
   * Which errors: each is the `code` of an error or its `name`, ours or your function's own ("ERR_FLAME_RUNNER_LOST", "ECONNRESET",
   * "RateLimitError"). @default ["ERR_FLAME_RUNNER_LOST"]
   */
  on?: readonly string[]
}

/** What a call works with. */
export interface RetryPolicy {
  readonly times: number
  readonly on: ReadonlySet<string>
}

/** The work may have had effects there, so nobody runs it again unasked; but nothing says that it would fail again. */
const DEFAULT_ON = ["ERR_FLAME_RUNNER_LOST"]

/** @throws OptionError */
export function checkRetries(retries: unknown): RetryPolicy | undefined {
  if (retries === undefined) return undefined
  const { times, on = DEFAULT_ON } =
    typeof retries === "object" && retries !== null ? (retries as RetryOptions) : { times: retries }
  if (typeof retries === "object" && retries !== null) rejectUnknown(retries, ["times", "on"], "`retries`")
  if (typeof times !== "number" || !Number.isInteger(times) || times < 0) {
    throw new OptionError("retries", `\`retries\` must be a whole number of at least 0, got ${show(times)}`, {
      hint: "retries: 2, or retries: { times: 2, on: ['ERR_FLAME_RUNNER_LOST', 'ECONNRESET'] }",
    })
  }
  if (!Array.isArray(on) || on.length === 0 || on.some(name => typeof name !== "string")) {
    throw new OptionError("retries", `\`retries.on\` must be a list of error codes or names, got ${show(on)}`, {
      hint: "on: ['ERR_FLAME_RUNNER_LOST', 'ECONNRESET']",
    })
  }
  return times === 0 ? undefined : { times, on: new Set(on) }
}

/** @param done How often it was run again already. */
export function mayRetry(policy: RetryPolicy | undefined, done: number, error: unknown): boolean {
  if (!policy || done >= policy.times || typeof error !== "object" || error === null) return false
  const { code, name } = error as { code?: unknown; name?: unknown }
  return (typeof code === "string" && policy.on.has(code)) || (typeof name === "string" && policy.on.has(name))
}
