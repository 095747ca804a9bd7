/** What the groups of the check do with the samples of the transport benchmark's peers. */
import { ratios } from "../transport/statistics.mjs"

/** The check measures this version, which has all of them. */
export const HERE = { plain: true, transfer: true }

/** One property of each peer's samples: spec -> values by round. */
export const of = (samples, key) => spec => samples.get(spec.name).map(sample => sample[key])

/** A figure over its base, round by round. */
export const over = (values, base) => ratios(values, base)
