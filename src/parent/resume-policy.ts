/** Whether a call goes on after its runner is lost. Owns the option `resumable` and what it means; counts nothing itself. */
import { type GoneReason, OptionError, RunnerLostError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { rejectUnknown } from "./option-checks.ts"

/** How long a call goes on without getting on. */
export interface ResumeOptions {
  /** How often it is begun in a row without a newer state in its checkpoint before it is given up. @default 3 */
  attempts: number
}

/** What a call works with. */
export type ResumePolicy = ResumeOptions

/** One may be bad luck, and two a bad node; what three runners in a row could not do is not going to be done. */
const ATTEMPTS = 3

/** @throws OptionError */
export function checkResumable(resumable: unknown): ResumePolicy | undefined {
  if (resumable === false) return undefined
  if (resumable === true) return { attempts: ATTEMPTS }
  if (typeof resumable !== "object" || resumable === null) {
    throw new OptionError("resumable", `\`resumable\` is true, false or { attempts }, got ${show(resumable)}`)
  }
  rejectUnknown(resumable, ["attempts"], "`resumable`")
  const { attempts = ATTEMPTS } = resumable as Partial<ResumeOptions>
  if (Number.isInteger(attempts) && attempts >= 1) return { attempts }
  throw new OptionError(
    "resumable",
    `\`resumable.attempts\` must be a whole number of at least 1, got ${show(attempts)}`,
    { hint: "resumable: true, or resumable: { attempts: 5 }" },
  )
}

/**
 * What ends work on purpose. For its other reasons (`idle`, `scale`, `single-use`) a pool ends only runners that have none: work that is lost
 * with one of these was on a runner that was to end after it, and came to grief before.
 */
const ON_PURPOSE = new Set<GoneReason>(["close", "terminated"])

/** Whether work that ended like this goes on elsewhere: its runner is lost, or let it go, and nobody here wanted that. */
export function goesOn(error: unknown, interrupted: boolean): boolean {
  return interrupted || (error instanceof RunnerLostError && !ON_PURPOSE.has(error.reason))
}
