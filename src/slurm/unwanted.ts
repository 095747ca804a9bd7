/**
 * Jobs that nobody wants any more when they are submitted at last: their cancel, and the words for those who have left. Owns the
 * warnings; knows nothing of how jobs are submitted.
 */
import { onAbort } from "../shared/on-abort.ts"
import type { Cluster } from "./cluster.ts"
import type { JobRequest } from "./job-request.ts"
import { jobWords } from "./task-ranges.ts"

/** @returns when they are cancelled, or will be some day. */
export async function cancelUnwanted(
  ids: readonly string[],
  cancel: (id: string) => Promise<void>,
  { controller }: Pick<Cluster, "controller">,
): Promise<void> {
  const taken = new Set<string>()
  const cancels = ids.map(async id => {
    try {
      await cancel(id)
    } catch (error) {
      // The caller is told why it gave up; that a job is left must be said somewhere.
      warnOfJob(
        `job ${id} is no longer wanted but could not be cancelled: ${(error as Error).message}`,
        `scancel ${id}`,
      )
    }
    taken.add(id)
  })
  await controller.orSilent(Promise.all(cancels))
  const left = jobWords(ids.filter(id => !taken.has(id))).map(({ word }) => word)
  if (left.length === 0) return
  warnOfJob(
    `slurmctld does not answer, and these jobs are no longer wanted: ${left.join(" ")}. They are cancelled when it does; if this program ends before that, each ends by itself when it starts and finds no parent`,
    `scancel ${left.join(" ")}`,
  )
}

/**
 * Who gives up while nobody knows whether there is a job is told that there may be one: once for all.
 * @returns what is called when it is known
 */
export function tellDoubt(requests: readonly JobRequest[], tag: string): () => void {
  let over = false
  const tell = () => {
    if (over) return
    over = true
    warnOfJob(
      "slurmctld does not answer, and there is no telling whether a job was submitted that is no longer wanted. It is looked for and cancelled when it does; if this program ends before that, it ends by itself when it starts and finds no parent",
      `squeue --me --name=${tag}`,
    )
  }
  const stops = requests.map(({ signal }) => {
    if (signal.aborted) tell()
    return onAbort(signal, tell)
  })
  return () => {
    over = true
    for (const stop of stops) stop()
  }
}

function warnOfJob(message: string, detail: string): void {
  process.emitWarning(message, { code: "SLURM_FLAME_JOB_LEFT", detail })
}
