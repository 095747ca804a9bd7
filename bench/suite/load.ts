/** Whether others were at work while the suite was. Owns what of the load is its own. */

/** A client, a server, and what orders them: never more at a time. */
const OWN = 3
/** Of the others, for each core. */
const BUSY = 0.5

/** In words, for people. @param load of the last minute, at the end of the run */
export function endWarnings(load: number, cores: number): string[] {
  if ((load - OWN) / cores <= BUSY) return []
  return [
    `at the end there is a load of ${load.toFixed(1)} on ${cores} cores, of which the suite itself makes ${OWN} at most: others were at work`,
  ]
}
