/** The groups of the suite, in the order in which they are measured. One line each: a group is a file of groups/. */
import type { Group } from "./group.ts"
import { bandwidth } from "./groups/bandwidth.ts"
import { hol } from "./groups/hol.ts"
import { rate } from "./groups/rate.ts"
import { size } from "./groups/size.ts"
import { small } from "./groups/small.ts"

export const GROUPS: readonly Group[] = [small, size, bandwidth, rate, hol]
