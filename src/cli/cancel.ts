/**
 * `slurm-flame cancel`: ends jobs of slurm-flame, the orphans or those that are named. Owns which are meant, and what is said of each;
 * only jobs that are ours by their tag are ever touched.
 */
import { OptionError } from "../shared/errors.ts"
import { Cluster } from "../slurm/cluster.ts"
import type { KnownJob } from "../slurm/orphans.ts"
import { jobsOf, whose } from "./jobs-report.ts"

/** Options of the command, as commander gives them. */
export interface CancelOptions {
  readonly orphans?: boolean
  readonly force?: boolean
}

/** What is meant, and what else is to be said. */
export interface Choice {
  readonly jobs: readonly KnownJob[]
  /** Names that are those of no job. */
  readonly unmatched: readonly string[]
  /** With `--orphans`: those that may be, and are left. */
  readonly left: readonly KnownJob[]
}

/**
 * Ends what is meant, names each job, and says what is left.
 * @returns false when a name is that of no job, or a job could not be cancelled
 * @throws OptionError when the command line says nothing, or two things; SlurmCommandError when Slurm gives no answer
 */
export async function cancel(names: readonly string[], options: CancelOptions): Promise<boolean> {
  check(names, options)
  const { orphans } = new Cluster()
  const survey = await orphans.survey()
  const all = survey.jobs
  const { jobs, unmatched, left } = choose(all, names, options)
  const failed = await orphans.end(jobs, survey)
  const say = (text: string) => process.stdout.write(`${text}\n`)
  const complain = (text: string) => process.stderr.write(`${text}\n`)
  for (const job of jobs) if (!failed.has(job.id)) say(`cancelled ${describe(job)}`)
  for (const [id, error] of failed) complain(`error: ${id} is not cancelled: ${error.message}`)
  for (const name of unmatched) {
    complain(
      `error: no job of slurm-flame of yours has the id, or is of the pool, ${name}; \`slurm-flame ps\` lists them`,
    )
  }
  for (const job of left) complain(`left ${describe(job)}`)
  if (left.length > 0) complain("  --force, or the id of a job, ends what is left")
  if (options.orphans && jobs.length === 0) say(`no orphans${all.length > 0 ? ` among ${jobsOf(all.length)}` : ""}`)
  return failed.size === 0 && unmatched.length === 0
}

/** @throws OptionError */
function check(names: readonly string[], { orphans, force }: CancelOptions): void {
  if (names.length === 0 && !orphans) {
    throw new OptionError("orphans", "say which jobs: --orphans, or ids of jobs, or names of pools")
  }
  if (names.length > 0 && orphans) throw new OptionError("orphans", "say either --orphans or which jobs, not both")
  if (force && !orphans) throw new OptionError("force", "--force goes with --orphans: what is named is ended anyway")
}

/** Which of `all` are meant. Pure. */
export function choose(
  all: readonly KnownJob[],
  names: readonly string[],
  { orphans = false, force = false }: CancelOptions,
): Choice {
  if (orphans) {
    const doubtful = all.filter(({ parent }) => parent === "unknown" || parent === "waiting")
    const jobs = all.filter(job => job.parent === "dead" || (force && doubtful.includes(job)))
    return { jobs, unmatched: [], left: force ? [] : doubtful }
  }
  const matches = (name: string) => {
    const byId = all.filter(({ id }) => id === name || id.startsWith(`${name}_`))
    return byId.length > 0 ? byId : all.filter(({ pool }) => pool === name)
  }
  const meant = new Set(names.flatMap(matches))
  return { jobs: [...meant], unmatched: names.filter(name => matches(name).length === 0), left: [] }
}

const WHY = {
  alive: "parent alive",
  dead: "parent dead",
  waiting: "waits for its parent",
  unknown: "parent out of sight",
}

function describe({ id, slurmState, pool, parent, record }: KnownJob): string {
  const who = record ? `${WHY[parent]}: ${whose(record)}` : "no record of its run"
  return `${id} (${slurmState.toLowerCase()}, pool ${pool}, ${who})`
}
