/** Whether a call goes on after its runner is lost. Owns the option `resumable` and what it means; counts nothing itself. */
import { OptionError, RunnerLostError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { isOurs } from "./gone-reason.ts"
import { rejectUnknown } from "./option-checks.ts"

/** How long a call goes on without getting on. */
export interface ResumeOptions {
  /** How often it is begun in a row without a newer checkpoint before it is given up. @default 3 */
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

/** Whether work that ended like this goes on elsewhere: its runner is lost, or let it go, and it was not the pool that ended it. */
export function goesOn(error: unknown, interrupted: boolean): boolean {
  return interrupted || (error instanceof RunnerLostError && !isOurs(error.reason))
}
