/**
 * The clock of slurmctld, in which squeue tells when a job ends. Owns how it is read: `scontrol show config` begins with the moment at
 * which slurmctld made its answer.
 */
import { clockSkew } from "../shared/clock-skew.ts"
import { parseSlurmTime } from "./time.ts"

/**
 * Milliseconds that the controller's clock is ahead of this one; 0 where it may be the same, to a second, or the answer does not say.
 * @param config What `scontrol show config` printed, in UTC.
 * @param from,until When it was started and when it had answered, in ms since 1970.
 */
export function controllerSkew(config: string, from: number, until: number): number {
  const shown = parseSlurmTime(/^Configuration data as of (\S+)/m.exec(config)?.[1] ?? "")
  return shown === undefined ? 0 : clockSkew({ shown, resolutionMs: 1_000, from, until })
}
