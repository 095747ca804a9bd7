/**
 * What sbatch's refusals mean and what a user can do about each. Owns the texts; whether a refusal is final is decided by
 * whoever submits.
 */
import { SubmitError } from "../shared/errors.ts"
import { type CommandResult, commandFailed } from "./command.ts"

/** Text of sbatch (22.05 and later) and the advice for it, most special first. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /invalid partition/i,
    "`sinfo -s` lists the partitions; name one with sbatch: { partition: … } or #SBATCH --partition",
  ],
  [
    /job limit|MaxSubmit|QOS policy|accounting\/QOS/i,
    "an account's or QOS's limit: `sacctmgr show assoc user=$USER` and `sacctmgr show qos` list them",
  ],
  [
    /invalid account|account\/partition/i,
    "`sacctmgr show assoc user=$USER format=account,partition` lists your accounts; name one with sbatch: { account: … }",
  ],
  [/invalid qos/i, "`sacctmgr show assoc user=$USER format=account,qos` lists the QOS you may use"],
  [/time limit|--time/i, "`sinfo -o '%P %l'` lists the partitions' time limits; ask for less or for another partition"],
  [/generic resource|gres/i, "`sinfo -o '%P %G'` lists what the nodes have, e.g. sbatch: { gres: 'gpu:1' }"],
  [/invalid feature/i, "`sinfo -o '%P %f'` lists the nodes' features"],
  [/invalid node name/i, "`sinfo -N` lists the nodes"],
  [
    /memory|node configuration|more processors|node count/i,
    "no node is that large: `sinfo -o '%P %D %c %m %G'` lists nodes, CPUs, memory (MB) and GPUs per partition",
  ],
  [/reservation/i, "`scontrol show reservation` lists the reservations"],
  [
    /unable to contact|connection refused|timed out/i,
    "slurmctld does not answer: `scontrol ping` tells whether it is up",
  ],
  [/permission denied|access/i, "ask the site's administrators whether you may submit here"],
]

/** sbatch's own word for options it does not understand. */
const USAGE_EXIT = 255

/**
 * sbatch's answer leaves open whether the job was queued: it was cut off, or the connection was, after the request had
 * gone out. (With "connection refused" or "connect failure" the request never left.)
 */
export function isUnclear(result: CommandResult): boolean {
  if (result.timedOut || result.exitCode === null || result.exitCode === 0) return true
  return /timed out|zero bytes|connection reset|unexpected message|transport endpoint|broken pipe/i.test(result.stderr)
}

/** The controller did not answer, and there is no job: it may be submitted again. `refusal`: what to say when nobody tries that. */
export class Unanswered extends Error {
  readonly refusal: SubmitError

  constructor(refusal: SubmitError) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/**
 * An array of fewer tasks, or a job by itself, may be taken where this was refused: a limit on jobs counts every task, and a site may
 * have one on arrays.
 */
export function mayPassInPart(error: unknown): boolean {
  return error instanceof SubmitError && /job limit|MaxSubmit|QOS policy|accounting\/QOS|\barray/i.test(error.message)
}

/** SubmitError in sbatch's own words, with advice where the words are known ones. */
export function refusal(result: CommandResult, timeoutMs: number): SubmitError {
  const words = result.stderr.trim().replaceAll(/^sbatch: (error: )?/gm, "") || result.stdout.trim()
  const advice =
    ADVICE.find(([text]) => text.test(words))?.[1] ??
    (result.exitCode === USAGE_EXIT
      ? "sbatch did not understand an option: check `sbatch: { … }` and the #SBATCH lines against `sbatch --help`"
      : undefined)
  return new SubmitError(
    words === ""
      ? `sbatch refused the job without a word (exit code ${result.exitCode})`
      : `sbatch refused the job: ${words}`,
    { cause: commandFailed(result, timeoutMs), hint: advice },
  )
}
