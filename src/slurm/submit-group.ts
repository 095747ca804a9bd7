/**
 * Submits runners that differ in nothing but their id and key: one by itself, several as the tasks of one array job, or of one step
 * where they are to share a job. Owns how they are split, what is refused in one piece and tried in smaller ones, and that each asker
 * is told of his own; composes no script.
 */
import { setTimeout as delay } from "node:timers/promises"
import type { RunnerSpec } from "../shared/backend.ts"
import { onAbort } from "../shared/on-abort.ts"
import { DEFAULT_MAX_PENDING } from "./backlog.ts"
import type { Cluster, Turn } from "./cluster.ts"
import { arrayEnv, jobEnv, TASK_BYTES, taskBytes } from "./environment.ts"
import { SlurmJob } from "./job.ts"
import type { JobRequest } from "./job-request.ts"
import { shareJob } from "./shared-job.ts"
import type { Submission } from "./submission.ts"
import { mayPassInPart, Unanswered } from "./submit-refusal.ts"
import { cancelUnwanted, tellDoubt } from "./unwanted.ts"

/** Composes the submission of these runners; of several, with a task for each. */
export type Compose = (specs: readonly [RunnerSpec, ...RunnerSpec[]]) => Submission

/** How those of a group come together, and how many may wait. */
export interface GroupOptions {
  /** `array`: each runner's job is a task of an array. `shared`: all have one job, in one piece or not at all. Default: `array`. */
  readonly together?: "array" | "shared"
  /** Most jobs of this program in the queue at a time: those beyond it wait here. */
  readonly maxPending?: number
}

/** Settles every request. Never rejects. */
export async function submitGroup(
  requests: readonly JobRequest[],
  { together = "array", maxPending = DEFAULT_MAX_PENDING }: GroupOptions,
  compose: Compose,
  cluster: Cluster,
): Promise<void> {
  let waiting = [...requests]
  let unheard = 0
  try {
    const shared = together === "shared"
    let most = requests.length
    if (requests.length > 1) {
      await whileWanted(requests, signal => cluster.controller.pass(signal))
      if (!shared) most = Math.max(1, (await cluster.client.site()).maxArraySize)
    }
    for (;;) {
      waiting = wanted(waiting)
      if (waiting.length === 0) return
      let chunk = fitting(waiting, most)
      // Before the turn comes: an option that is wrong is told at once.
      let submission = compose(specsOf(chunk))
      const turn = await whileWanted(waiting, signal =>
        cluster.turn(waiting[0]!.spec.pool, shared ? 1 : waiting.length, maxPending, signal),
      )
      try {
        const [{ killWaitMs }] = await Promise.all([cluster.client.site(), submission.log.own && cluster.logs.ensure()])
        const still = fitting(wanted(waiting), shared ? most : Math.min(most, turn.places.count))
        if (still.length === 0) return
        if (still.length !== chunk.length) submission = compose(specsOf(still))
        chunk = still
        await submit(chunk, shared, submission, killWaitMs, cluster, turn)
        waiting = without(waiting, chunk)
        unheard = 0
      } catch (error) {
        if (error instanceof Unanswered) {
          const pause = cluster.againMs[unheard++]
          if (pause === undefined) throw error.refusal
          for (const request of chunk) request.reopen()
          turn.leave()
          await whileWanted(wanted(waiting), signal =>
            delay(pause * (0.75 + 0.5 * Math.random()), undefined, { signal }),
          )
          continue
        }
        if (chunk.length === 1 || shared || !mayPassInPart(error)) throw error
        // As many as there is room for get in, as if each had come by itself; what fits once is not tried larger again.
        most = Math.floor(chunk.length / 2)
        for (const request of chunk) request.reopen()
      } finally {
        turn.leave()
      }
    }
  } catch (error) {
    // What was refused now would be refused to the rest as well.
    for (const request of waiting) request.fail(error)
  }
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

/** Waits for something as long as anybody of them wants to. @throws the reason of the last who gave up */
async function whileWanted<T>(requests: readonly JobRequest[], wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
  if (requests.length === 1) return await wait(requests[0]!.signal)
  const nobody = new AbortController()
  if (requests.length === 0) nobody.abort()
  const stops = requests.map(({ signal }) =>
    onAbort(signal, () => {
      if (wanted(requests).length === 0) nobody.abort(signal.reason)
    }),
  )
  try {
    return await wait(nobody.signal)
  } finally {
    for (const stop of stops) stop()
  }
}

/** @throws whatever sbatch says; then there is no job, or no telling. */
async function submit(
  requests: readonly JobRequest[],
  shared: boolean,
  submission: Submission,
  killWaitMs: number,
  cluster: Cluster,
  turn: Turn,
): Promise<void> {
  const facts = { killWaitMs, signalBeforeMs: submission.signalSeconds * 1_000 }
  const specs = specsOf(requests)
  const env = specs.length === 1 ? jobEnv(process.env, specs[0], facts) : arrayEnv(process.env, specs, facts)
  for (const request of requests) request.commit()
  let settled: (() => void) | undefined
  const inDoubt = () => {
    if (settled) return
    // Nobody has to wait for what may take for ever; if there is a job it is cancelled once that is known.
    for (const request of requests) request.reopen()
    settled = tellDoubt(requests, submission.tag)
  }
  const steps = { answered: () => turn.answered(), inDoubt }
  const id = await cluster.submitter.submit(submission, env, steps).finally(() => settled?.())
  const drainBeforeMs = facts.signalBeforeMs // Slurm's warning may come 30 s before that, and drains nobody
  const make = (own: string) => new SlurmJob(own, submission.log, cluster, submission.requeues, false, drainBeforeMs)
  if (shared && requests.length > 1) return await handOver(requests, make(id), cluster, turn)
  const jobs = requests.map((_, task) => (requests.length === 1 ? id : `${id}_${task}`))
  const unwanted = jobs.filter((_, task) => requests[task]!.signal.aborted)
  const cancelled = unwanted.length > 0 && cancelUnwanted(unwanted, id => cluster.canceller.cancel(id), cluster)
  for (const [task, request] of requests.entries()) {
    if (request.signal.aborted) continue
    const job = make(jobs[task]!)
    turn.places.give(job)
    request.resolve(job)
  }
  await cancelled
  for (const request of requests) if (request.signal.aborted) request.fail(undefined)
}

/** All have one job; whoever has given up meanwhile leaves it to the others. */
async function handOver(
  requests: readonly JobRequest[],
  job: SlurmJob,
  cluster: Cluster,
  { places }: Turn,
): Promise<void> {
  places.give(job)
  const views = shareJob(job, requests.length)
  const left = requests.map(async (request, task) => {
    const view = views[task]!
    if (!request.signal.aborted) return request.resolve(view)
    await cancelUnwanted([view.id], () => view.cancel(), cluster)
    request.fail(undefined)
  })
  await Promise.all(left)
}
