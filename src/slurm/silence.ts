/** Which results of Slurm's commands mean that the controller did not answer. Owns these words; what follows from a silence is the breaker's. */
import { SlurmCommandError } from "../shared/errors.ts"

type CommandResult = SlurmCommandError["command"]

/** What the commands say (22.05 and later) when slurmctld is down, unreachable, overrun or not the one in charge. */
const WORDS =
  /unable to (contact|establish)[^\n]*controller|connect failure|connection refused|timed out|zero bytes were transmitted|connection reset|transport endpoint|broken pipe|no route to host|network is unreachable|backup controller in standby/i

/** sbatch's word for options it does not understand: it has asked nobody. */
const USAGE_EXIT = 255

/**
 * `silent`: the controller did not answer. `answered`: it did, be it with a refusal. `unknown`: the command says nothing about it: it
 * was killed, or never asked.
 */
export function controllerWas(result: CommandResult): "silent" | "answered" | "unknown" {
  if (result.timedOut) return "silent"
  if (result.exitCode === 0) return "answered"
  if (result.exitCode === null) return "unknown"
  if (WORDS.test(result.stderr)) return "silent"
  return result.exitCode === USAGE_EXIT ? "unknown" : "answered"
}

/** A command failed since the controller did not answer: the same one may do well later. */
export function isSilence(error: unknown): error is SlurmCommandError {
  return (
    error instanceof SlurmCommandError &&
    error.command.spawnCode === undefined &&
    controllerWas(error.command) === "silent"
  )
}
