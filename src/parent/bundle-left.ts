/** What is said of a bundle that cannot be deleted when its pool is over. */
import type { Logger } from "./logger.ts"

/** On NFS a file that somebody has open cannot go yet. The sweep of a later pool takes it; this one is over all the same. */
export function bundleLeft(logger: Logger): (error: unknown) => void {
  return error => logger.warn({ error }, "the bundle cannot be deleted")
}
