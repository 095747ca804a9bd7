/** Names of those who are only in the life groups, and ours by the options. */
import type { SuiteOptions } from "../group.ts"
import type { Subject } from "../report.ts"
import { OURS, OURS_PLAIN } from "../subjects.ts"

export const BARE_NODE: Subject = "node -e 0"
export const EMPTY_JOB: Subject = "an empty job"

export const nameOfOurs = ({ tls }: Pick<SuiteOptions, "tls">): Subject => (tls ? OURS : OURS_PLAIN)
