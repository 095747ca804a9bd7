/** What is said while the job of a runner waits. Owns the words; when to say them, the pool knows. */
import type { Pool } from "slurm-flame"

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
 * Tells when the job has been submitted to wait, and each change of Slurm's reason or of the start that it expects.
 * @param bootMs how long it may wait and boot
 */
export function tellWait(pool: Pick<Pool<unknown>, "on">, bootMs: number, tell: (words: string) => void): void {
  let limit: string | undefined =
    `; it may wait and boot for ${Math.round(bootMs / 1_000)} s (bootTimeout, which the suite sets)`
  let last = ""
  pool.on("runner:pending", info => {
    const words = waitingWords(info)
    if (words === last) return
    last = words
    tell(`${words}${limit ?? ""}`)
    limit = undefined // once is enough
  })
  pool.on("runner:up", ({ jobId, node }) => {
    if (last !== "") tell(`job ${jobId ?? "?"} runs on ${node ?? "its node"}`)
  })
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
