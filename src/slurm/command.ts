/**
 * Runs one program: argument array, no shell, a time limit. Owns the child process; knows no Slurm beyond the words of
 * its error for a missing program.
 */
import { spawn } from "node:child_process"
import { formatMs } from "../shared/duration.ts"
import { SlurmCommandError } from "../shared/errors.ts"
import { controllerWas } from "./silence.ts"

export interface CommandOptions {
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds; then the program is killed. */
  readonly timeoutMs: number
  /** Written to its standard input. */
  readonly input?: string
}

/** How a program ended. */
export type CommandResult = SlurmCommandError["command"]

/** More than any queue prints; a program gone mad must not fill our memory. */
const MAX_OUTPUT = 64 * 1024 * 1024

/**
 * Runs `program`, found on `env.PATH`. Resolves however it ended, also when it was killed for taking too long.
 * @throws SlurmCommandError when it could not be started.
 */
export function runCommand(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const argv = [program, ...args]
    const child = spawn(program, args, { env: options.env, stdio: "pipe" })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let size = 0
    const result = (exitCode: number | null, signal: string | null, timedOut: boolean): CommandResult => ({
      argv,
      exitCode,
      signal,
      stdout: Buffer.concat(stdout).toString(),
      stderr: Buffer.concat(stderr).toString(),
      timedOut,
    })
    const giveUp = (timedOut: boolean) => {
      child.kill("SIGKILL")
      // A site's wrapper script leaves the real program behind with our pipes in hand: do not wait for them to close.
      child.stdout.destroy()
      child.stderr.destroy()
      resolve(result(null, "SIGKILL", timedOut))
    }
    const timer = setTimeout(giveUp, options.timeoutMs, true)
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_OUTPUT) {
        clearTimeout(timer)
        giveUp(false)
      } else into.push(chunk)
    }
    child.stdout.on("data", collect(stdout))
    child.stderr.on("data", collect(stderr))
    // A program that ends before it has read its input (EPIPE) says why by its exit status.
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    child.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(notStarted(result(null, null, false), error))
    })
    child.once("close", (code, signal) => {
      clearTimeout(timer)
      resolve(result(code, signal, false))
    })
  })
}

function notStarted(command: CommandResult, error: NodeJS.ErrnoException): SlurmCommandError {
  const program = command.argv[0]!
  return new SlurmCommandError(
    error.code === "ENOENT" ? `\`${program}\` is not on PATH` : `\`${program}\` cannot be started: ${error.message}`,
    { ...command, spawnCode: error.code },
    {
      cause: error,
      hint: "is this a login node? load the site's slurm module if it has one; without Slurm use local()",
    },
  )
}

/** SlurmCommandError for a program that did not do what it was asked. `hint` defaults to what its output suggests. */
export function commandFailed(command: CommandResult, timeoutMs: number, hint?: string): SlurmCommandError {
  const program = command.argv[0]!
  const how = command.timedOut
    ? `did not answer within ${formatMs(timeoutMs)}`
    : command.exitCode === null
      ? `was ended by ${command.signal}`
      : `failed (exit code ${command.exitCode})`
  const words = command.stderr.trim()
  const unanswered = controllerWas(command) === "silent"
  return new SlurmCommandError(`\`${program}\` ${how}${words === "" ? "" : `: ${words}`}`, command, {
    hint: hint ?? (unanswered ? "slurmctld does not answer: `scontrol ping` tells whether it is up" : undefined),
  })
}
