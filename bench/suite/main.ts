/** The suite as the command `slurm-flame bench` runs it. Owns what is written where, and the exit code. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { OptionError } from "slurm-flame"
import { GROUPS } from "./groups.ts"
import { type BenchArguments, readOptions } from "./options.ts"
import { OutputError, prepareOutputs, reportFor } from "./outputs.ts"
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
  if (given.from !== undefined) return await draw(given.from, given)
  const subjects = await findSubjects()
  const { options, groups } = readOptions(
    given,
    GROUPS.map(({ id }) => id),
    subjects.map(({ name }) => name),
  )
  const outputs = await prepareOutputs(given).catch(asOptionError)
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
    print(outputs.write(report))
  } catch (error) {
    terminal.failed(error)
    return code ?? 1
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal)
  }
  return code ?? (suite.ok ? 0 : 1)
}

/** `--from`: what was measured before is drawn and compared, and nothing is measured. */
async function draw(from: string, given: BenchArguments): Promise<number> {
  const report = await reportFor("from", from).catch(asOptionError)
  const outputs = await prepareOutputs(given).catch(asOptionError)
  print(outputs.write(report))
  return 0
}

function print(words: string | undefined): void {
  if (words !== undefined) process.stdout.write(`\n${words}\n`)
}

function asOptionError(error: unknown): never {
  if (error instanceof OutputError) throw new OptionError(error.option, error.message, { cause: error })
  throw error
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
