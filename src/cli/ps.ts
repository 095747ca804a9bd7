/** `slurm-flame ps`: this user's jobs of slurm-flame and who waits for them. Owns where the words go; how they look is jobs-report.ts. */
import { Cluster } from "../slurm/cluster.ts"
import { jobsDocument, remarks, renderJobs } from "./jobs-report.ts"
import { VERSION } from "./manifest.ts"

/** Options of the command, as commander gives them. */
export interface PsOptions {
  readonly json?: boolean
}

/**
 * Writes the table to stdout and what there is to say about it to stderr, or with `json` one document to stdout.
 * @throws SlurmCommandError when squeue gives no answer
 */
export async function ps(options: PsOptions): Promise<void> {
  const survey = await new Cluster().orphans.survey()
  if (options.json) {
    process.stdout.write(`${jobsDocument(VERSION, survey)}\n`)
    return
  }
  if (survey.jobs.length > 0) process.stdout.write(`${renderJobs(survey.jobs, Date.now())}\n`)
  for (const line of remarks(survey)) process.stderr.write(`${line}\n`)
}
