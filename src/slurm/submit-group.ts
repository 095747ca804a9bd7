/**
 * Submits runners that differ in nothing but their id and key: one by itself, several as the tasks of one array job, or of one step
 * where they are to share a job. Owns how they are split, what is refused in one piece and tried in smaller ones, and that each asker
 * is told of his own; composes no script.
 */
import type { Job, RunnerSpec } from "../shared/backend.ts"
import { onAbort } from "../shared/on-abort.ts"
import type { Cluster } from "./cluster.ts"
import { arrayEnv, jobEnv, TASK_BYTES, taskBytes } from "./environment.ts"
import { SlurmJob } from "./job.ts"
import type { JobRequest } from "./job-request.ts"
import { shareJob } from "./shared-job.ts"
import type { Submission } from "./submission.ts"
import { mayPassInPart } from "./submit-refusal.ts"

/** Composes the submission of these runners; of several, with a task for each. */
export type Compose = (specs: readonly [RunnerSpec, ...RunnerSpec[]]) => Submission

/** `array`: each runner's job is a task of an array. `shared`: all have one job, in one piece or not at all. */
export type Together = "array" | "shared"

/** Settles every request. Never rejects. */
export async function submitGroup(
  requests: readonly JobRequest[],
  together: Together,
  compose: Compose,
  cluster: Cluster,
): Promise<void> {
  let waiting = [...requests]
  try {
    let most = await mostAtOnce(requests.length, together, cluster)
    for (;;) {
      waiting = wanted(waiting)
      if (waiting.length === 0) return
      let chunk = fitting(waiting, most)
      // Before the turn comes: an option that is wrong is told at once.
      let submission = compose(specsOf(chunk))
      const leave = await inTurn(waiting, cluster)
      try {
        const [{ killWaitMs }] = await Promise.all([cluster.client.site(), submission.log.own && cluster.logs.ensure()])
        const still = fitting(wanted(waiting), most)
        if (still.length === 0) return
        if (still.length !== chunk.length) submission = compose(specsOf(still))
        chunk = still
        await submit(chunk, together, submission, killWaitMs, cluster, leave)
        waiting = without(waiting, chunk)
      } catch (error) {
        if (chunk.length === 1 || together === "shared" || !mayPassInPart(error)) throw error
        // As many as there is room for get in, as if each had come by itself; what fits once is not tried larger again.
        most = Math.floor(chunk.length / 2)
        for (const request of chunk) request.reopen()
      } finally {
        leave()
      }
    }
  } catch (error) {
    // What was refused now would be refused to the rest as well.
    for (const request of waiting) request.fail(error)
  }
}

async function mostAtOnce(wanted: number, together: Together, { client }: Cluster): Promise<number> {
  if (wanted === 1 || together === "shared") return wanted
  return Math.max(1, (await client.site()).maxArraySize)
}

const wanted = (requests: readonly JobRequest[]) => requests.filter(({ signal }) => !signal.aborted)
function without(requests: readonly JobRequest[], done: readonly JobRequest[]): JobRequest[] {
  const gone = new Set(done)
  return requests.filter(request => !gone.has(request))
}
const specsOf = (requests: readonly JobRequest[]) =>
  requests.map(({ spec }) => spec) as unknown as [RunnerSpec, ...RunnerSpec[]]

/** The first of them that one submission can carry; at least one. */
function fitting(requests: readonly JobRequest[], most: number): readonly JobRequest[] {
  let bytes = 0
  const over = requests.findIndex(({ spec }, task) => {
    bytes += taskBytes(spec, task)
    return task > 0 && bytes > TASK_BYTES
  })
  return requests.slice(0, Math.min(most, over < 0 ? requests.length : over))
}

/** Waits at the gate, as long as anybody of them wants to. */
async function inTurn(requests: readonly JobRequest[], { gate }: Cluster): Promise<() => void> {
  if (requests.length === 1) return await gate.enter(requests[0]!.signal)
  const nobody = new AbortController()
  const stops = requests.map(({ signal }) =>
    onAbort(signal, () => {
      if (wanted(requests).length === 0) nobody.abort(signal.reason)
    }),
  )
  try {
    return await gate.enter(nobody.signal)
  } finally {
    for (const stop of stops) stop()
  }
}

/** @throws whatever sbatch says; then there is no job, or no telling. */
async function submit(
  requests: readonly JobRequest[],
  together: Together,
  submission: Submission,
  killWaitMs: number,
  cluster: Cluster,
  answered: () => void,
): Promise<void> {
  const facts = { killWaitMs, signalBeforeMs: submission.signalSeconds * 1_000 }
  const specs = specsOf(requests)
  const env = specs.length === 1 ? jobEnv(process.env, specs[0], facts) : arrayEnv(process.env, specs, facts)
  for (const request of requests) request.commit()
  const id = await cluster.submitter.submit(submission, env, answered)
  if (together === "shared" && requests.length > 1) {
    await handOver(requests, shareJob(new SlurmJob(id, submission.log, cluster), requests.length))
    return
  }
  await Promise.all(
    requests.map(async (request, task) => {
      const own = requests.length === 1 ? id : `${id}_${task}`
      if (!request.signal.aborted) return request.resolve(new SlurmJob(own, submission.log, cluster))
      await cancelUnwanted(own, () => cluster.canceller.cancel(own))
      request.fail(undefined)
    }),
  )
}

/** One that has been given up meanwhile leaves the job to the others. */
async function handOver(requests: readonly JobRequest[], views: readonly Job[]): Promise<void> {
  await Promise.all(
    requests.map(async (request, task) => {
      const job = views[task]!
      if (!request.signal.aborted) return request.resolve(job)
      await cancelUnwanted(job.id, () => job.cancel())
      request.fail(undefined)
    }),
  )
}

async function cancelUnwanted(id: string, cancel: () => Promise<void>): Promise<void> {
  try {
    await cancel()
  } catch (error) {
    // The caller is told why it gave up; that a job is left must be said somewhere.
    process.emitWarning(`job ${id} is no longer wanted but could not be cancelled: ${(error as Error).message}`, {
      code: "SLURM_FLAME_JOB_LEFT",
      detail: `scancel ${id}`,
    })
  }
}
