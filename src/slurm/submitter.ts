/**
 * Gets one submission through sbatch and comes back with the job's id: also when sbatch's answer was lost. Owns that
 * doubt; composes no script and keeps no job.
 */
import { setTimeout as delay } from "node:timers/promises"
import { SlurmCommandError, SubmitError } from "../shared/errors.ts"
import { ANSWERING, type Answers } from "./breaker.ts"
import type { SlurmClient } from "./client.ts"
import { type CommandResult, commandFailed } from "./command.ts"
import { controllerWas, isSilence } from "./silence.ts"
import type { Submission } from "./submission.ts"
import { isUnclear, refusal, Unanswered } from "./submit-refusal.ts"

/** So many questions for a lost answer may be lost as well, while the controller answers others. */
const MAX_UNHEARD = 5

/** What becomes of a submission before its end is known. */
export interface SubmitSteps {
  /** sbatch has ended, which may be before there is an id. */
  answered?(): void
  /** Nobody knows whether there is a job, nor when that will be known: the controller is silent. */
  inDoubt?(): void
}

export class Submitter {
  /** @param lookupMs the pauses before squeue is asked for a submission whose answer was lost, in ms. */
  constructor(
    readonly client: Pick<SlurmClient, "sbatch" | "find" | "limits">,
    readonly lookupMs: readonly number[] = [0, 1_000, 2_000, 4_000, 8_000],
    readonly controller: Answers = ANSWERING,
  ) {}

  /**
   * Submits once, never twice.
   * @returns The id of the job, or of the array as a whole.
   * @throws Unanswered when there is no job since the controller did not answer; SubmitError when it was refused; SlurmCommandError when
   * there is no sbatch, or no telling whether there is a job.
   */
  async submit(submission: Submission, env: NodeJS.ProcessEnv, steps: SubmitSteps = {}): Promise<string> {
    const { tag } = submission
    const result = await this.client.sbatch(submission.argv, submission.script, env).finally(() => steps.answered?.())
    const id = result.exitCode === 0 ? jobId(result.stdout) : undefined
    if (id !== undefined) return id
    if (isUnclear(result)) return await this.#lookUp(tag, result, steps)
    const why = refusal(result, this.client.limits.sbatch)
    throw controllerWas(result) === "silent" ? new Unanswered(why) : why
  }

  async #lookUp(tag: string, result: CommandResult, steps: SubmitSteps): Promise<string> {
    let looks = 0
    let unheard = 0
    for (let i = 0; i < this.lookupMs.length; ) {
      if (this.controller.silent) steps.inDoubt?.()
      await this.controller.pass()
      await delay(this.lookupMs[i]!)
      try {
        const id = await this.client.find(tag)
        if (id !== undefined) return id
        // A controller that was stuck takes a moment to work through what had reached it.
        if (++looks === 3) break
        i += 1
      } catch (error) {
        if (!(error instanceof SlurmCommandError)) throw error
        // One that is silent will answer some day; the breaker sees to it that it is not asked too often until then.
        if (!isSilence(error) || i === 0 || ++unheard > MAX_UNHEARD) i += 1
      }
    }
    const cause = commandFailed(result, this.client.limits.sbatch)
    if (looks > 0) {
      const none = new SubmitError(`sbatch gave no job id, and no job of that name is queued: ${firstLine(cause)}`, {
        cause,
        hint: cause.hint ?? "try `sbatch` by hand: a wrapper may be printing something else than the id",
      })
      throw controllerWas(result) === "silent" ? new Unanswered(none) : none
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
