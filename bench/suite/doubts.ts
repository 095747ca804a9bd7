/** What makes figures doubtful, as far as the machine says it. In words, for people. */
import type { About } from "./report.ts"

/** A load of more than this for each core: others are at work. */
const BUSY = 0.5

/** Of the machines as they are described: their load and their clock. */
export function machineWarnings(about: About): string[] {
  return about.nodes.flatMap(({ name, role, load, cores, governor }) => {
    const who = `${name} (${role})`
    const busy =
      load / cores > BUSY
        ? [
            `${who} is busy: a load of ${load.toFixed(1)} on ${cores} cores; figures are slower and spread wider than on an idle one`,
          ]
        : []
    const slow =
      governor !== undefined && governor !== "performance"
        ? [`${who} has the CPU governor ${governor}, not performance: its clock changes while it is measured`]
        : []
    return [...busy, ...slow]
  })
}
