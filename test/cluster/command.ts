/** Running one command to its end, as root or as a user of the test cluster. Owns the user's environment; knows no Slurm. */
import { spawn } from "node:child_process"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

/** The users that `scripts/cluster.sh` makes: flame submits, eve is somebody else on the same cluster. */
export type User = "flame" | "eve"

export interface CommandOptions {
  /** Left out: root, with the environment of the tests. */
  user?: User
  /** Added to the user's environment (or to that of the tests). */
  env?: Record<string, string>
  /** Written to stdin, which is then closed. Default: nothing. */
  input?: string
  /** Default: the user's home directory, or that of the tests for root. */
  cwd?: string
}

export interface CommandResult {
  /** Exit code; -1 when a signal ended the command. */
  code: number
  stdout: string
  stderr: string
}

const CLUSTER_SCRIPT = fileURLToPath(new URL("../../scripts/cluster.sh", import.meta.url))

/** The words to put before a command so that it runs as `user`, with the groups of a login. */
export function asUserPrefix(user: User): string[] {
  return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"]
}

/** What a login of `user` would have in its environment, with the directory of `node` first in the path. */
export function loginEnvironment(user: User, node = process.execPath): Record<string, string> {
  return {
    HOME: `/home/${user}`,
    USER: user,
    LOGNAME: user,
    PATH: `${dirname(node)}:/usr/local/bin:/usr/bin:/bin`,
    LANG: "C.UTF-8",
  }
}

/** Runs a command and waits for its end. A failing command is a result like any other; throws only if it cannot be started. */
export function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { user } = options
  const [file, ...args] = user === undefined ? argv : [...asUserPrefix(user), ...argv]
  const child = spawn(file!, args, {
    cwd: options.cwd ?? (user === undefined ? process.cwd() : `/home/${user}`),
    env: { ...(user === undefined ? process.env : loginEnvironment(user)), ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  })
  const out = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      out[name] += text
    })
  }
  // A command that ends without reading its input closes the pipe under us; how it ended says what matters.
  child.stdin.on("error", () => undefined)
  child.stdin.end(options.input ?? "")
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", code => resolve({ code: code ?? -1, ...out }))
  })
}

/** Like `run`, and returns stdout; throws with everything the command said when its exit code is not 0. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) {
    throw new Error(`${argv.join(" ")} (as ${options.user ?? "root"}) ended with code ${code}\n${stdout}${stderr}`)
  }
  return stdout
}

/** Runs `scripts/cluster.sh` with these arguments, e.g. `cluster("fail", "n1", "power")`. */
export function cluster(...args: string[]): Promise<CommandResult> {
  return run(["bash", CLUSTER_SCRIPT, ...args])
}
