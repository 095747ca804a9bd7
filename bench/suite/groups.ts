/** The groups of the suite, in the order in which they are measured. One line each: a group is a file of groups/. */
import type { Group } from "./group.ts"
import { bandwidth } from "./groups/bandwidth.ts"
import { callbacks } from "./groups/callbacks.ts"
import { coldStart } from "./groups/cold-start.ts"
import { cpu } from "./groups/cpu.ts"
import { drain } from "./groups/drain.ts"
import { hol } from "./groups/hol.ts"
import { rate } from "./groups/rate.ts"
import { relay } from "./groups/relay.ts"
import { scaling } from "./groups/scaling.ts"
import { size } from "./groups/size.ts"
import { small } from "./groups/small.ts"
import { streams } from "./groups/streams.ts"

export const GROUPS: readonly Group[] = [
  small,
  size,
  bandwidth,
  rate,
  hol,
  callbacks,
  streams,
  relay,
  scaling,
  coldStart,
  drain,
  cpu,
]
