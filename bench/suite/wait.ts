/** What is said while the job of a runner waits. Owns the words; when to say them, the pool knows. */
import type { Pool } from "slurm-flame"

/** What is told, to the process that waits for the runner. */
export interface News {
  readonly news: string
  /** The job that it is of. */
  readonly job?: string
}

/** What is known of a job that waits, as `runner:pending` gives it. */
export interface Waiting {
  readonly jobId: string | undefined
  readonly pending: {
    readonly reason: string | undefined
    readonly expectedStart: Date | undefined
    readonly hint: string | undefined
  }
}

/**
 * Tells each change of Slurm's reason, or of the start that it expects, and that the job runs.
 * @param bootMs how long it may wait and boot
 */
export function tellWait(pool: Pick<Pool<unknown>, "on">, bootMs: number, tell: (news: News) => void): void {
  let limit: string | undefined =
    `; it may wait and boot for ${Math.round(bootMs / 1_000)} s (bootTimeout, which the suite sets)`
  let last = ""
  pool.on("runner:pending", info => {
    const words = waitingWords(info)
    if (words === last) return
    last = words
    tell(newsOf(`${words}${limit ?? ""}`, info.jobId))
    limit = undefined // once is enough
  })
  pool.on("runner:up", ({ jobId, node }) => {
    if (node !== undefined && !jobId?.startsWith("local")) tell(newsOf(`job ${jobId ?? "?"} runs on ${node}`, jobId))
  })
}

function newsOf(news: string, job: string | undefined): News {
  return { news, ...(job === undefined ? {} : { job }) }
}

/** `job 1234 waits: Resources; Slurm expects it to start at 2026-11-23 08:00:00Z`. */
export function waitingWords({ jobId, pending }: Waiting): string {
  const { reason, expectedStart, hint } = pending
  const start = expectedStart
    ?.toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z")
  return [
    `job ${jobId ?? "(not submitted yet)"} waits: ${reason ?? "Slurm has given no reason"}`,
    start === undefined ? "Slurm has not said when it is to start" : `Slurm expects it to start at ${start}`,
    ...(hint === undefined ? [] : [hint]),
  ].join("; ")
}
