/** Where and with what a report was made. Owns how it is put together; the parts are in about/. */

import { aboutNode, nodeName } from "./about/node.ts"
import { slurmVersion } from "./about/slurm.ts"
import type { SuiteOptions } from "./group.ts"
import type { About, NodeAbout } from "./report.ts"

export { aboutNode } from "./about/node.ts"

/** What only others know. */
export interface Known {
  readonly version: string
  /** The command line. */
  readonly command: string
  /** The parent's, as its runners dial it. */
  readonly address: string
  /** Their nodes, as they described themselves. */
  readonly runners: readonly NodeAbout[]
}

/** What is known before anything is measured. */
export async function collectAbout(
  options: Pick<SuiteOptions, "backend" | "tls" | "shaping">,
  known: Known,
): Promise<About> {
  const { version, command, address, runners } = known
  const { shaping } = options
  const slurm = options.backend === "slurm" ? await slurmVersion() : undefined
  return {
    version,
    date: new Date().toISOString(),
    command,
    backend: options.backend,
    ...(slurm === undefined ? {} : { slurm }),
    tls: options.tls,
    nodes: [aboutNode("parent", nodeName(), address), ...runners],
    ...(shaping === undefined ? {} : { shaping }),
  }
}
