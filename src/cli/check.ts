/**
 * One line of the doctor: what was looked at and what came of it. Owns the shape, and that a check which throws is a check
 * that failed. Knows neither what is checked nor how it is shown.
 */
import { isFlameError } from "../shared/errors.ts"

/** What a check found out. */
export interface Finding {
  readonly ok: boolean
  /** Short and of one line: what is so. */
  readonly fact: string
  /** What to do about it. */
  readonly advice?: string | undefined
  /** The time that tells something, in milliseconds. */
  readonly ms?: number | undefined
  /** Overrides `Check.required` where only the finding itself tells. */
  readonly required?: boolean
}

/** Something to look at. `required`: if it fails, something that is used or was asked for does not work. */
export interface Check {
  readonly name: string
  readonly required: boolean
  run(): Finding | Promise<Finding>
}

/** A check that was made; an element of `checks` in the JSON document. */
export interface CheckResult {
  readonly name: string
  readonly ok: boolean
  /** A failure that makes the whole document not `ok`, and the exit code 1. */
  readonly required: boolean
  readonly fact: string
  readonly advice: string | null
  readonly ms?: number
}

/** Makes the check. Never rejects: what it throws becomes a finding. */
export async function runCheck({ name, required, run }: Check): Promise<CheckResult> {
  let finding: Finding
  try {
    finding = await run()
  } catch (error) {
    finding = failure(error)
  }
  return {
    name,
    ok: finding.ok,
    required: finding.required ?? required,
    fact: finding.fact,
    advice: finding.advice ?? null,
    ...(finding.ms === undefined ? {} : { ms: round(finding.ms) }),
  }
}

/** What a FlameError puts before its hint. */
const HINT = "\n  hint: "

/** An error as a finding: its message and, apart from it, its hint. */
export function failure(error: unknown): Finding {
  if (!(error instanceof Error)) return { ok: false, fact: String(error) }
  // The error of a runner is made anew from its message, so that the hint may be there only.
  const at = isFlameError(error) ? error.message.indexOf(HINT) : -1
  if (at < 0) return { ok: false, fact: error.message }
  return { ok: false, fact: error.message.slice(0, at), advice: error.message.slice(at + HINT.length) }
}

/** Three digits tell enough, of 0.213 ms as of 1350 ms. */
export function round(ms: number): number {
  return ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(3))
}
