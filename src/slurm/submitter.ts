/**
 * Gets one submission through sbatch and comes back with the job's id: also when sbatch's answer was lost. Owns that
 * doubt; composes no script and keeps no job.
 */
import { setTimeout as delay } from "node:timers/promises"
import { SlurmCommandError, SubmitError } from "../shared/errors.ts"
import type { SlurmClient } from "./client.ts"
import { type CommandResult, commandFailed } from "./command.ts"
import type { Submission } from "./submission.ts"
import { isUnclear, refusal } from "./submit-refusal.ts"

export class Submitter {
  /** @param lookupMs the pauses before squeue is asked for a submission whose answer was lost, in ms. */
  constructor(
    readonly client: Pick<SlurmClient, "sbatch" | "find" | "limits">,
    readonly lookupMs: readonly number[] = [0, 1_000, 2_000, 4_000, 8_000],
  ) {}

  /**
   * Submits once, never twice.
   * @param answered Called when sbatch has ended, which may be before there is an id.
   * @returns The id of the job, or of the array as a whole.
   * @throws SubmitError when there is no job; SlurmCommandError when there is no sbatch, or no telling whether there is a job.
   */
  async submit(submission: Submission, env: NodeJS.ProcessEnv, answered = () => {}): Promise<string> {
    const result = await this.client.sbatch(submission.argv, submission.script, env).finally(answered)
    const id = result.exitCode === 0 ? jobId(result.stdout) : undefined
    if (id !== undefined) return id
    if (!isUnclear(result)) throw refusal(result, this.client.limits.sbatch)
    return await this.#lookUp(submission.tag, result)
  }

  async #lookUp(tag: string, result: CommandResult): Promise<string> {
    let looks = 0
    for (const ms of this.lookupMs) {
      await delay(ms)
      try {
        const id = await this.client.find(tag)
        if (id !== undefined) return id
        // A controller that was stuck takes a moment to work through what had reached it.
        if (++looks === 3) break
      } catch (error) {
        if (!(error instanceof SlurmCommandError)) throw error
      }
    }
    const cause = commandFailed(result, this.client.limits.sbatch)
    if (looks > 0) {
      throw new SubmitError(`sbatch gave no job id, and no job of that name is queued: ${firstLine(cause)}`, {
        cause,
        hint: cause.hint ?? "try `sbatch` by hand: a wrapper may be printing something else than the id",
      })
    }
    throw new SlurmCommandError(`no telling whether the job was submitted: ${firstLine(cause)}`, result, {
      cause,
      hint: `slurmctld does not answer (\`scontrol ping\`). Once it does, \`squeue --me --name=${tag}\` shows the job if there is one; it ends by itself when it starts and finds no parent`,
    })
  }
}

/** The id `sbatch --parsable` prints (`123` or `123;cluster`), among lines a wrapper may add. */
function jobId(stdout: string): string | undefined {
  return /^(\d+)(?:;\S*)?$/m.exec(stdout.trim())?.[1]
}

function firstLine(error: Error): string {
  return error.message.split("\n")[0]!
}
