/**
 * Submits runners that differ in nothing but their id and key: one by itself, several as the tasks of one array job. Owns how they
 * are split, what is refused in one piece and tried in smaller ones, and that each asker is told of his own; composes no script.
 */
import { setTimeout as delay } from "node:timers/promises"
import type { RunnerSpec } from "../shared/backend.ts"
import { onAbort } from "../shared/on-abort.ts"
import { DEFAULT_MAX_PENDING } from "./backlog.ts"
import type { Cluster, Turn } from "./cluster.ts"
import { arrayEnv, jobEnv, TASK_BYTES, taskBytes } from "./environment.ts"
import { SlurmJob } from "./job.ts"
import type { JobRequest } from "./job-request.ts"
import type { Submission } from "./submission.ts"
import { mayPassInPart, Unanswered } from "./submit-refusal.ts"
import { jobWords } from "./task-ranges.ts"

/** Composes the submission of these runners; of several, as an array with a task for each. */
export type Compose = (specs: readonly [RunnerSpec, ...RunnerSpec[]]) => Submission

/**
 * Settles every request. Never rejects.
 * @param maxPending Most jobs of this program in the queue at a time: those beyond it wait here.
 */
export async function submitGroup(
  requests: readonly JobRequest[],
  compose: Compose,
  cluster: Cluster,
  maxPending = DEFAULT_MAX_PENDING,
): Promise<void> {
  let waiting = [...requests]
  let unheard = 0
  try {
    let most = 1
    if (requests.length > 1) {
      await whileWanted(requests, signal => cluster.controller.pass(signal))
      most = Math.max(1, (await cluster.client.site()).maxArraySize)
    }
    for (;;) {
      waiting = wanted(waiting)
      if (waiting.length === 0) return
      let chunk = fitting(waiting, most)
      // Before the turn comes: an option that is wrong is told at once.
      let submission = compose(specsOf(chunk))
      const turn = await whileWanted(waiting, signal =>
        cluster.turn(waiting[0]!.spec.pool, waiting.length, maxPending, signal),
      )
      try {
        const [{ killWaitMs }] = await Promise.all([cluster.client.site(), submission.log.own && cluster.logs.ensure()])
        const still = fitting(wanted(waiting), Math.min(most, turn.places.count))
        if (still.length === 0) return
        if (still.length !== chunk.length) submission = compose(specsOf(still))
        chunk = still
        await submit(chunk, submission, killWaitMs, cluster, turn)
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
        if (chunk.length === 1 || !mayPassInPart(error)) throw error
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
  const jobs = requests.map((_, task) => (requests.length === 1 ? id : `${id}_${task}`))
  const unwanted = jobs.filter((_, task) => requests[task]!.signal.aborted)
  const cancelled = unwanted.length > 0 && cancelUnwanted(unwanted, cluster)
  for (const [task, request] of requests.entries()) {
    if (request.signal.aborted) continue
    const job = new SlurmJob(jobs[task]!, submission.log, cluster, submission.requeues)
    turn.places.give(job)
    request.resolve(job)
  }
  await cancelled
  for (const request of requests) if (request.signal.aborted) request.fail(undefined)
}

/** @returns when they are cancelled, or will be some day. */
async function cancelUnwanted(ids: readonly string[], { canceller, controller }: Cluster): Promise<void> {
  const taken = new Set<string>()
  const cancels = ids.map(async id => {
    try {
      await canceller.cancel(id)
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
function tellDoubt(requests: readonly JobRequest[], tag: string): () => void {
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
