/** The groups of the suite, in the order in which they are measured. One line each: a group is a file of groups/. */
import type { Group } from "./group.ts"
import { small } from "./groups/small.ts"

export const GROUPS: readonly Group[] = [small]
