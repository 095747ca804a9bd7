/** `--from`: a report that was measured before is shown, drawn and compared. Owns which options make no sense then. */
import { OptionError } from "slurm-flame"
import type { BenchArguments } from "./options.ts"
import { prepareOutputs, reportFor } from "./outputs.ts"
import type { Terminal } from "./terminal.ts"

/** Those that say what is measured, as they are typed. */
const MEASURING = {
  slurm: "slurm",
  slurmJob: "slurm-job",
  quick: "quick",
  only: "only",
  subjects: "subjects",
  maxRunners: "max-runners",
  shaping: "shaping",
  secondsPerGroup: "seconds-per-group",
  list: "list",
} as const

/**
 * Reads the report, and does with it what a run does at its end. Without an output its tables are printed.
 * @returns whether all was written
 * @throws OptionError for an option that measures
 * @throws OutputError for a report that is none, or a file that cannot be written
 */
export async function redraw(from: string, given: BenchArguments, terminal: Terminal): Promise<boolean> {
  refuseMeasuring(given)
  const report = await reportFor("from", from)
  const outputs = await prepareOutputs(given)
  const { json, html, svg, compare } = given
  if ([json, html, svg, compare].every(output => output === undefined)) {
    terminal.about(report.about)
    for (const group of report.groups) terminal.group(group)
    for (const words of report.warnings) terminal.warning(words)
    terminal.end(report)
    return true
  }
  const { words, failures } = await outputs.write(report)
  if (words !== undefined) process.stdout.write(`\n${words}\n`)
  for (const failure of failures) terminal.failed(failure)
  return failures.length === 0
}

/** What is ignored in silence is taken for done. */
function refuseMeasuring(given: BenchArguments): void {
  const names: string[] = []
  for (const [key, name] of Object.entries(MEASURING)) {
    const value = given[key as keyof typeof MEASURING]
    if (value !== undefined && value !== false) names.push(name)
  }
  if (Object.keys(given.sbatch ?? {}).length > 0) names.push("sbatch")
  if (given.tls === false) names.push("no-tls")
  if (names.length === 0) return
  const words = names.map(name => `--${name}`).join(", ")
  throw new OptionError(names[0]!, `--from measures nothing: ${words} cannot be given with it`)
}
