/**
 * What a cluster test needs: programs that run as the user, and questions to Slurm and to the nodes. Tests run as root on the login
 * node. Owns the questions; knows nothing of slurm-flame but the name of its temporary directories.
 */
import { setTimeout as delay } from "node:timers/promises"
import { describe, inject } from "vitest"
import { APP } from "./app.ts"
import {
  asUserPrefix,
  type CommandOptions,
  type CommandResult,
  cluster,
  loginEnvironment,
  mustRun,
  run,
  type User,
} from "./command.ts"
import { endPrograms, Program } from "./program.ts"

export { APP } from "./app.ts"
export { type CommandResult, cluster, type User } from "./command.ts"
export { endPrograms, type Program, type ProgramEvent, type ProgramResult } from "./program.ts"

/** The nodes of the cluster, and what they have in common. */
export const NODES = ["n1", "n2", "n3"] as const
export type NodeName = (typeof NODES)[number]
/** Address of the login node on the fast network. */
export const LOGIN_ADDRESS = "10.201.0.1"
/** Address of a node on the fast network, its interface ib0. */
export const nodeAddress = (node: NodeName): string => `10.201.0.${10 + Number(node.slice(1))}`

/** A `describe` of tests that need the cluster: skipped, with the reason in its title, where there is none. */
export function onCluster(title: string, tests: () => void): void {
  const { skip } = context()
  describe.skipIf(skip !== null)(skip === null ? title : `${title} [skipped: ${skip}]`, tests)
}

function context() {
  const value = inject("cluster")
  if (value === undefined) throw new Error("these tests need the global setup of the vitest project `cluster`")
  return value
}

/** Starts `programs/<program>` with node as the user, in the app's directory and with the environment of a login. */
export function asUser(
  program: string,
  args: readonly string[] = [],
  options: { env?: Record<string, string>; user?: User } = {},
): Program {
  const { user = "flame", env } = options
  const { node } = context()
  return new Program([...asUserPrefix(user), node, `programs/${program}`, ...args], {
    name: program,
    cwd: APP,
    env: { ...loginEnvironment(user, node), ...env },
  })
}

/** Runs a command on the login node as the user and waits for its end, whatever its exit code. */
export function runAs(
  user: User,
  argv: readonly string[],
  options: Omit<CommandOptions, "user"> = {},
): Promise<CommandResult> {
  return run(argv, { ...options, user, env: { PATH: loginEnvironment(user, context().node).PATH!, ...options.env } })
}

/** Runs a command inside a node, as root unless told otherwise, and waits for its end, whatever its exit code. */
export function inNode(node: NodeName, argv: readonly string[], options: { user?: User } = {}): Promise<CommandResult> {
  return cluster("exec", ...(options.user === undefined ? [] : ["-u", options.user]), node, ...argv)
}

/** Submits a batch script as the user, with these options of sbatch, and returns the job's id. Throws with sbatch's words. */
export async function sbatch(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await runAs("flame", ["sbatch", "--parsable", "-o", "/dev/null", ...args], {
    input: script,
    env,
  })
  if (code !== 0) throw new Error(`sbatch ended with code ${code}: ${stderr}`)
  return stdout.trim()
}

/** One job as squeue shows it. `node` is empty while it waits. */
export interface Job {
  id: string
  state: string
  reason: string
  node: string
  name: string
}

/** The jobs of the user that are waiting, running or ending, in squeue's order. */
export async function squeue(user: User = "flame"): Promise<Job[]> {
  const out = await mustRun(["squeue", "-h", "-r", "-u", user, "-o", "%i|%T|%r|%N|%j"])
  return lines(out).map(line => {
    const [id = "", state = "", reason = "", node = "", ...name] = line.split("|")
    return { id, state, reason, node, name: name.join("|") }
  })
}

/**
 * Asks until the answer is truthy, and returns it. Only for what sends no event, such as the state of a job.
 * @param what completes "waited for"; a function is called at the end, to tell what the last answer was
 * @param seconds the deadline (default 60)
 */
export async function waitFor<T>(
  ask: () => T | Promise<T>,
  what: string | (() => string),
  seconds = 60,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer) return answer as Exclude<T, false | null | undefined>
    if (performance.now() > deadline) {
      throw new Error(`waited ${seconds} s for ${typeof what === "string" ? what : what()}`)
    }
    await delay(100)
  }
}

/** Resolves when squeue shows no job of flame any more; throws with those that are left. */
export async function noJobsLeft(): Promise<void> {
  let jobs: Job[] = []
  await waitFor(
    async () => {
      jobs = await squeue()
      return jobs.length === 0
    },
    () => `squeue to be empty; left: ${JSON.stringify(jobs)}`,
  )
}

/** For the end of a test: nothing of it runs any more, no program and no job. */
export async function endEverything(): Promise<void> {
  await endPrograms()
  await runAs("flame", ["scancel", "--user=flame"])
  await noJobsLeft()
}

/** The paths of slurm-flame's temporary directories in a node's own /tmp. */
export async function tempDirsLeft(node: NodeName): Promise<string[]> {
  return lines(await must(inNode(node, ["find", "/tmp", "-maxdepth", "1", "-name", "slurm-flame-*"])))
}

/** A process on a node, with its number there. */
export interface NodeProcess {
  pid: number
  args: string
}

/** The living processes of a user on a node. */
export async function nodeProcesses(node: NodeName, user: User = "flame"): Promise<NodeProcess[]> {
  // A process may end while we look; it then has no arguments to read, like a zombie.
  const list = `for dir in $(find /proc -maxdepth 1 -name '[1-9]*' -user "$1"); do
    args=$(cat "$dir/cmdline" 2>/dev/null | tr '\\0\\n' '  ')
    if [ -n "$args" ]; then printf '%s %s\\n' "\${dir#/proc/}" "$args"; fi
  done`
  const out = await must(inNode(node, ["sh", "-c", list, "sh", user]))
  return lines(out).map(line => {
    const [pid, ...args] = line.trim().split(" ")
    return { pid: Number(pid), args: args.join(" ") }
  })
}

async function must(result: Promise<CommandResult>): Promise<string> {
  const { code, stdout, stderr } = await result
  if (code !== 0) throw new Error(`a question to a node failed with code ${code}: ${stderr}`)
  return stdout
}

const lines = (text: string): string[] => text.split("\n").filter(line => line !== "")
