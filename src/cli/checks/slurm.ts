/**
 * Slurm as seen from here: are its commands there, does the controller answer, which partitions are there? Asks, and
 * changes nothing. Knows no job.
 */
import { accessSync, constants, statSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { suggest } from "../../shared/suggest.ts"
import { type CommandResult, commandFailed, runCommand } from "../../slurm/command.ts"
import { commandEnv } from "../../slurm/environment.ts"
import { type Check, type Finding, failure } from "../check.ts"

/** All that slurm() runs. */
const COMMANDS = ["sbatch", "squeue", "scancel", "scontrol"] as const
type Command = (typeof COMMANDS)[number]

/** Absolute paths of the commands that are on PATH. */
export type FoundCommands = ReadonlyMap<Command, string>

/** `--version` asks nobody. */
const VERSION_MS = 5_000
/** Slurm's own limit on a message is 10 s, and a command may try a second controller. */
const ANSWER_MS = 20_000

/** What is on `env.PATH`. */
export function findCommands(env: NodeJS.ProcessEnv = process.env): FoundCommands {
  const directories = (env.PATH ?? "").split(delimiter).filter(directory => directory !== "")
  return new Map(
    COMMANDS.flatMap(name => {
      const path = directories.map(directory => join(directory, name)).find(isProgram)
      return path === undefined ? [] : [[name, path] as const]
    }),
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // not there, or not ours to run: either way it is not found, and the check says so
  }
}

const WITHOUT = "local() works, slurm() does not"

/**
 * Are the commands there, and do they start? Where not, this machine has no usable Slurm; that is only a failure if Slurm
 * was asked for.
 */
export function commandsCheck(found: FoundCommands, wanted: boolean, limitMs = VERSION_MS): Check {
  return {
    name: "slurm commands",
    required: wanted,
    async run() {
      const missing = COMMANDS.filter(name => !found.has(name))
      if (missing.length > 0) {
        const which = found.size === 0 ? "" : ` (${missing.join(", ")})`
        return {
          ok: false,
          fact: `not found${which}: ${WITHOUT}`,
          advice: "on a cluster: run this on a login node, or load the site's slurm module",
        }
      }
      const answers = await Promise.all(COMMANDS.map(name => ask(name, ["--version"], limitMs)))
      const failed = answers.find(answer => answer.exitCode !== 0)
      if (failed) {
        return {
          ok: false,
          fact: `${whatFailed(failed, limitMs)}: ${WITHOUT}`,
          advice:
            "Slurm is installed here, but does it have a configuration? Set SLURM_CONF, or run this on a login node",
        }
      }
      const versions = [...new Set(answers.map(answer => answer.stdout.trim()))]
      const places = [...new Set([...found.values()].map(path => dirname(path)))]
      const mixed = versions.length > 1 ? " (of different installations: is PATH right?)" : ""
      return { ok: true, fact: `${versions.join(" and ")}: ${COMMANDS.join(", ")} in ${places.join(", ")}${mixed}` }
    },
  }
}

/** Does slurmctld answer? */
export function controllerCheck(limitMs = ANSWER_MS): Check {
  return {
    name: "controller",
    required: true,
    async run() {
      const began = performance.now()
      const answer = await ask("scontrol", ["ping"], limitMs)
      const ms = performance.now() - began
      const words = answer.stdout.trim()
      if (answer.exitCode === 0 && /\bUP\b/.test(words)) return { ok: true, fact: words.replaceAll("\n", "; "), ms }
      const advice =
        "slurmctld does not answer: is it up (ask the site's admins), and is SLURM_CONF or /etc/slurm/slurm.conf right here?"
      // It may say DOWN and think that a good end.
      if (answer.exitCode === 0 || words !== "") return { ok: false, fact: words, advice, ms }
      return { ok: false, fact: whatFailed(answer, limitMs), advice, ms }
    },
  }
}

/** Which partitions there are; with `wanted`, whether that one takes jobs. */
export function partitionsCheck(wanted: string | undefined, limitMs = ANSWER_MS): Check {
  return {
    name: "partitions",
    required: wanted !== undefined,
    async run() {
      const answer = await ask("sinfo", ["--noheader", "--format=%P|%a|%l|%F"], limitMs)
      if (answer.exitCode !== 0) return { ok: false, fact: whatFailed(answer, limitMs) }
      return judge(parsePartitions(answer.stdout), wanted)
    },
  }
}

interface Partition {
  readonly name: string
  readonly isDefault: boolean
  readonly up: boolean
  readonly text: string
}

function parsePartitions(stdout: string): Partition[] {
  return stdout.split("\n").flatMap(line => {
    const [name = "", available, limit, nodes] = line.trim().split("|")
    const [, idle, , total] = (nodes ?? "").split("/")
    if (total === undefined) return []
    const state = available === "up" ? "" : `${available}, `
    const text = `${name} (${state}${idle} of ${total} nodes idle, limit ${limit})`
    return [{ name: name.replace(/\*$/, ""), isDefault: name.endsWith("*"), up: available === "up", text }]
  })
}

function judge(partitions: readonly Partition[], wanted: string | undefined): Finding {
  const fact = partitions.length === 0 ? "none that you may see" : partitions.map(({ text }) => text).join(", ")
  const names = partitions.map(({ name }) => name)
  if (wanted !== undefined) {
    const partition = partitions.find(({ name }) => name === wanted)
    if (partition?.up) return { ok: true, fact: partition.text }
    if (partition) return { ok: false, fact: partition.text, advice: "it takes no jobs now: choose another partition" }
    const near = suggest(wanted, names)
    const meant = near === undefined ? "" : `, did you mean ${near}?`
    return { ok: false, fact: `there is no partition "${wanted}"${meant}`, advice: `there are: ${fact}` }
  }
  if (!partitions.some(({ up }) => up))
    return { ok: false, fact, advice: "no partition takes jobs: ask the site's admins" }
  const hasDefault = partitions.some(({ isDefault }) => isDefault)
  return { ok: true, fact: hasDefault ? fact : `${fact}; none is the default: name one in your jobs` }
}

/** How a command failed, with the last of its words: those before it tell how it got there. */
function whatFailed(answer: CommandResult, limitMs: number): string {
  const last = answer.stderr.trim().split("\n").at(-1) ?? ""
  return failure(commandFailed({ ...answer, stderr: last }, limitMs)).fact
}

function ask(program: string, argv: readonly string[], timeoutMs: number): Promise<CommandResult> {
  return runCommand(program, argv, { env: commandEnv(process.env), timeoutMs })
}
