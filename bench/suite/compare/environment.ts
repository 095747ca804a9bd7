/**
 * What two reports say of where they were measured, side by side. Owns which differences there are words for, and what each of them
 * forbids: all comparisons, or those of absolute values. Judges no figure.
 */
import type { Report, Subject } from "../report.ts"

export interface Forbidden {
  /** Why nothing of this subject may be compared. */
  readonly all?: string
  /** Why its absolute values may not. */
  readonly absolute?: string
}

/** What differs, in words, and what that forbids of a subject's figures. */
export function environment(
  old: Report,
  now: Report,
): { differences: string[]; forbids: (subject: Subject) => Forbidden } {
  const differences: string[] = []
  const differ = (what: string, a: string | undefined, b: string | undefined): string | undefined => {
    if (a === b) return undefined
    const words = `${what}: ${a ?? "none"} then, ${b ?? "none"} now`
    differences.push(words)
    return words
  }
  const [a, b] = [old.about, now.about]
  const wire = (report: Report) =>
    each(
      report,
      ({ interface: at }) =>
        at && `${at.kind}${at.speedMbit ? ` ${at.speedMbit} Mbit/s` : ""}${at.ibRate ? ` ${at.ibRate}` : ""}`,
    )
  const all = [
    differ("backend", a.backend, b.backend),
    differ("shaping of the wire", a.shaping, b.shaping),
    differ("interface", wire(old), wire(now)),
  ].find(words => words !== undefined)
  const absolute = [
    differ(
      "CPU",
      each(old, node => `${node.cores} × ${node.cpu}`),
      each(now, node => `${node.cores} × ${node.cpu}`),
    ),
    differ(
      "nodes",
      each(old, node => node.name),
      each(now, node => node.name),
    ),
    ...(saysJob(old) && saysJob(now)
      ? [
          differ("job script", jobScript(old), jobScript(now)),
          differ("sbatch's options", sbatchOptions(old), sbatchOptions(now)),
        ]
      : [differ("Slurm's part of the command", slurmPart(a.command), slurmPart(b.command))]),
  ].find(words => words !== undefined)
  const tls = differ("TLS", a.tls ? "on" : "off", b.tls ? "on" : "off")
  // Told, and left to the reader: a ratio is there to bear them.
  differ(
    "Node",
    each(old, node => node.node),
    each(now, node => node.node),
  )
  differ(
    "kernel",
    each(old, node => node.kernel),
    each(now, node => node.kernel),
  )
  differ(
    "governor",
    each(old, node => node.governor),
    each(now, node => node.governor),
  )
  differ(
    "MTU",
    each(old, node => node.interface && String(node.interface.mtu)),
    each(now, node => node.interface && String(node.interface.mtu)),
  )
  differ(
    "IPoIB mode",
    each(old, node => node.interface?.ipoibMode),
    each(now, node => node.interface?.ipoibMode),
  )
  differ("Slurm", a.slurm, b.slurm)
  differences.push(...loads(old, now))
  const quick = (report: Report) => (report.options.quick === true ? "on" : "off")
  differ("quick", quick(old), quick(now))
  const why = (words: string | undefined, key: keyof Forbidden): Forbidden =>
    words === undefined ? {} : { [key]: words }
  return {
    differences,
    forbids: subject => ({
      ...why(all ?? (subject === "slurm-flame" ? tls : undefined), "all"),
      ...why(absolute, "absolute"),
    }),
  }
}

/** What the nodes have, each value once, in their order; undefined when none has any. */
function each(report: Report, of: (node: Report["about"]["nodes"][number]) => string | undefined): string | undefined {
  const found = [...new Set(report.about.nodes.map(of).filter(value => value !== undefined))]
  return found.length === 0 ? undefined : found.join(", ")
}

/** Processes that want to run, for each core: beyond this the two machines were not equally busy. */
const LOAD_A_CORE = 1

/** Where one of the machines was busier before one of the runs. */
function loads(old: Report, now: Report): string[] {
  return now.about.nodes.flatMap((node, i) => {
    const before = old.about.nodes[i]
    if (before === undefined || before.role !== node.role) return []
    const apart = Math.abs(node.load / node.cores - before.load / before.cores)
    if (!(apart > LOAD_A_CORE)) return []
    return [`load of the ${node.role}: ${before.load} on ${before.cores} cores then, ${node.load} on ${node.cores} now`]
  })
}

/** The same for the same value, whatever the order of its keys. */
function canonical(value: unknown): string {
  if (typeof value === "string") return value
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, inner]) => `${key} ${canonical(inner)}`).join(", ")
}

/** Whether it has written down what the jobs were; reports of before have the command alone. */
const saysJob = ({ options }: Report) => options.slurmJob !== undefined || options.sbatch !== undefined

function jobScript({ options }: Report): string | undefined {
  return options.slurmJob === undefined ? undefined : canonical(options.slurmJob)
}

function sbatchOptions({ options }: Report): string | undefined {
  return options.sbatch === undefined ? undefined : canonical(options.sbatch) || undefined
}

/** What says only how much is measured and where it is written, and what is compared in words of its own (`--no-tls`). */
const NOT_SLURM = {
  flags: new Set(["--quick", "--no-tls", "--list", "--install-peers", "--slurm"]),
  valued: new Set([
    "--only",
    "--subjects",
    "--json",
    "--html",
    "--svg",
    "--from",
    "--compare",
    "--max-runners",
    "--shaping",
    "--seconds-per-group",
  ]),
}

/** The options of the command that are for Slurm: those that are none of the suite's own. Undefined when there are none. */
function slurmPart(command: string): string | undefined {
  const words = command.match(/'[^']*'|"[^"]*"|\S+/g) ?? []
  const first = words.findIndex(word => word.startsWith("-"))
  if (first < 0) return undefined
  let skip = false
  const kept = words.slice(first).filter(word => {
    const valued = !skip && NOT_SLURM.valued.has(word)
    const ours = skip || valued || NOT_SLURM.flags.has(word) || NOT_SLURM.valued.has(word.split("=")[0]!)
    skip = valued
    return !ours
  })
  return kept.length === 0 ? undefined : kept.join(" ")
}
