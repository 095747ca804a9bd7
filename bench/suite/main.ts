/** The suite as the command `slurm-flame bench` runs it. Owns what is written where, and the exit code. */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { OptionError } from "slurm-flame"
import { GROUPS } from "./groups.ts"
import { type BenchArguments, readOptions } from "./options.ts"
import type { Report } from "./report.ts"
import { findSubjects, PEERS_DIR, type Subject } from "./subjects.ts"
import { Suite } from "./suite.ts"
import { Terminal } from "./terminal.ts"

export type { BenchArguments } from "./options.ts"

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Runs it.
 * @param commandLine as it was typed, for the report
 * @returns the exit code: 0 fine; 1 something of ours did not work, what was measured is written all the same; 128 + n after a signal
 * @throws OptionError when the options make no sense
 */
export async function bench(given: BenchArguments, commandLine: string): Promise<number> {
  if (given.installPeers) return installPeers()
  const subjects = await findSubjects()
  const { options, groups } = readOptions(
    given,
    GROUPS.map(({ id }) => id),
    subjects.map(({ name }) => name),
  )
  for (const [name, file] of [
    ["json", given.json],
    ["html", given.html],
  ] as const)
    checkWritable(name, file)
  if (given.list) {
    process.stdout.write(listed(subjects))
    return 0
  }
  const terminal = new Terminal(process.stdout, process.stderr)
  const suite = new Suite({
    options,
    groups: GROUPS.filter(({ id }) => groups.includes(id)),
    subjects,
    version: version(),
    command: commandLine,
    watcher: terminal,
  })
  let code: number | undefined
  const onSignal = (signal: keyof typeof SIGNALS) => {
    if (code !== undefined) process.exit(code) // the second one: whoever is left ends when this process is gone
    code = SIGNALS[signal]
    suite.stop(new Error(`stopped by ${signal}`))
  }
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal)
  try {
    const report = await suite.measure()
    terminal.end(report)
    write(report, given)
  } catch (error) {
    terminal.failed(error)
    return code ?? 1
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal)
  }
  return code ?? (suite.ok ? 0 : 1)
}

function write(report: Report, { json }: BenchArguments): void {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 1)}\n`)
}

/** Before an hour of measuring, not after it. */
function checkWritable(option: string, file: string | undefined): void {
  if (file === undefined || existsSync(path.dirname(path.resolve(file)))) return
  throw new OptionError(option, `--${option} ${file}: there is no directory ${path.dirname(path.resolve(file))}`)
}

function listed(subjects: readonly Subject[]): string {
  const wide = Math.max(...subjects.map(({ name }) => name.length), ...GROUPS.map(({ id }) => id.length))
  const groups = GROUPS.map(({ id, title }) => `  ${id.padEnd(wide)}  ${title}\n`)
  const rows = subjects.map(
    ({ name, missing, how }) => `  ${name.padEnd(wide)}  ${missing === undefined ? how : `-- ${missing}`}\n`,
  )
  return `groups (--only)\n${groups.join("")}subjects (--subjects)\n${rows.join("")}`
}

function installPeers(): number {
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: PEERS_DIR, stdio: "inherit" })
  if (error) throw new Error(`npm cannot be started in ${PEERS_DIR}: ${error.message}`)
  return status === 0 ? 0 : 1
}

function version(): string {
  // Two levels up both from bench/suite and from dist/bench.
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  return (JSON.parse(manifest) as { version: string }).version
}
