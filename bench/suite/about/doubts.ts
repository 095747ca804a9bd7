/** What makes figures doubtful, as far as the machines say it. In words, for people. Owns the limits from which on it is worth a word. */
import type { About, NodeAbout } from "../report.ts"

/** A load of more than this for each core: others are at work. */
const BUSY = 0.5
/** The parent and what it talks to, each on one; fewer and they wait for each other. */
const FEWEST_CORES = 2
/** Of IP over InfiniBand in datagram mode on a fabric with a link MTU of 2048, which is 4 bytes more. */
const SMALL_IPOIB_MTU = 2044

/** One line for each doubt; the same of several machines is said once for each. */
export function machineWarnings(about: About): string[] {
  return [...about.nodes.flatMap(nodeWarnings), ...networkWarnings(about)]
}

/** What the load has come to when all was measured, where it was not so from the start. The suite's own is in it: `expected` is what that makes at most. */
export function loadWarnings(about: About, load: number, expected: number): string[] {
  const parent = about.nodes.find(({ role }) => role === "parent")
  if (!parent || parent.load / parent.cores > BUSY || load - expected <= parent.cores * BUSY) return []
  return [
    `${parent.name} (parent) became busy while it was measured: a load of ${load.toFixed(1)} on ${parent.cores} cores at the end, of which the suite makes ${expected} or less`,
  ]
}

function nodeWarnings(node: NodeAbout): string[] {
  const { name, role, load, cores, governor } = node
  const who = `${name} (${role})`
  const said: string[] = []
  if (load / cores > BUSY) {
    said.push(
      `${who} is busy: a load of ${load.toFixed(1)} on ${cores} cores; figures are slower and spread wider than on an idle one`,
    )
  }
  if (governor !== undefined && governor !== "performance") {
    said.push(`${who} has the CPU governor ${governor}, not performance: its clock changes while it is measured`)
  }
  if (cores < FEWEST_CORES) {
    said.push(`${who} has ${cores} core: client, server and kernel take turns, and every figure has that in it`)
  }
  return said
}

function networkWarnings({ nodes, backend, shaping }: About): string[] {
  const said: string[] = []
  const off = nodes.filter(({ interface: link }) => link?.kind === "loopback" || link?.kind === "virtual")
  if (off.length > 0) {
    const links = [...new Set(off.map(({ interface: link }) => `${link!.name} is ${link!.kind}`))].join(", ")
    said.push(
      `this is no fabric (${links}): read the ratios${shaping === undefined ? ", and docs/benchmarks.md for how they move with the wire's latency" : ""}`,
    )
  }
  for (const { name, interface: link } of nodes) {
    if (link?.kind === "infiniband" && link.ipoibMode === "datagram" && link.mtu === SMALL_IPOIB_MTU) {
      said.push(`${name}: ${link.name} is in datagram mode with an MTU of ${link.mtu}; ${largerMtu(link.driver)}`)
    }
  }
  const kinds = new Set(nodes.flatMap(({ interface: link }) => (link === undefined ? [] : [link.kind])))
  if (backend === "slurm" && kinds.has("infiniband") && kinds.size > 1) {
    said.push(`not every address in use is on InfiniBand (${[...kinds].join(", ")}): see SLURM_FLAME_HOST`)
  }
  return said
}

/** mlx5 has an IPoIB of its own in the adapter, which knows no connected mode; the others take either. */
function largerMtu(driver: string | undefined): string {
  const fabric = "4092 where the subnet manager's partition has a link MTU of 4096"
  if (driver === "mlx5_core") return `bulk may go faster with ${fabric} (this driver usually has no connected mode)`
  return `bulk may go faster with ${fabric}${driver === undefined ? "" : ", or in connected mode, which takes up to 65520"}`
}
