/**
 * Gathers the submissions of runners that are to share a job. Owns who shares one with whom, which is settled when the runners are
 * made, and that nobody goes without the others: each of them has come, or was given up. Knows nothing of what a submission is.
 */
import type { Backend, Job, RunnerSpec } from "../shared/backend.ts"
import { onAbort } from "../shared/on-abort.ts"
import { Submissions } from "./submissions.ts"

export class SharedSubmissions extends Submissions {
  readonly #backend: Backend
  readonly #groups = new WeakMap<AbortSignal, Group>()
  /** Takes the runners of this turn. */
  #open: Group | undefined

  constructor(backend: Backend) {
    super()
    this.#backend = backend
  }

  override expect(signal: AbortSignal): void {
    const group = this.#open ?? this.#newGroup()
    this.#groups.set(signal, group)
    group.expect(signal)
    if (group.size === this.#backend.runnersPerJob) this.#shut(group)
  }

  protected take(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    const group = this.#groups.get(signal)
    return group ? group.submit(spec, signal) : this.#backend.submit(spec, signal)
  }

  /** A pool makes the runners that it wants together in one go: what comes after that is another growth. */
  #newGroup(): Group {
    const group = new Group(this.#backend)
    this.#open = group
    queueMicrotask(() => this.#shut(group))
    return group
  }

  #shut(group: Group): void {
    if (this.#open !== group) return
    this.#open = undefined
    group.shut()
  }
}

interface Submitted {
  readonly spec: RunnerSpec
  readonly signal: AbortSignal
  readonly resolve: (job: Promise<Job>) => void
  readonly reject: (reason: unknown) => void
}

/** The runners of one job. */
class Group {
  readonly #backend: Backend
  /** Those that may still come, and what ends the watch over each. */
  readonly #expected = new Map<AbortSignal, () => void>()
  readonly #submitted = new Set<Submitted>()
  #size = 0
  #shut = false

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** Runners so far, those given up included. */
  get size(): number {
    return this.#size
  }

  expect(signal: AbortSignal): void {
    this.#size += 1
    const stop = onAbort(signal, () => this.#came(signal))
    this.#expected.set(signal, stop)
  }

  submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    return new Promise((resolve, reject) => {
      const stop = onAbort(signal, () => {
        this.#submitted.delete(entry)
        reject(signal.reason)
      })
      const entry: Submitted = {
        spec,
        signal,
        resolve: job => {
          stop()
          resolve(job)
        },
        reject,
      }
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      this.#submitted.add(entry)
      this.#came(signal)
    })
  }

  /** No more will be expected. */
  shut(): void {
    this.#shut = true
    this.#goIfComplete()
  }

  #came(signal: AbortSignal): void {
    this.#expected.get(signal)?.()
    this.#expected.delete(signal)
    this.#goIfComplete()
  }

  #goIfComplete(): void {
    if (!this.#shut || this.#expected.size > 0 || this.#submitted.size === 0) return
    const submitted = [...this.#submitted]
    this.#submitted.clear()
    const wanted = submitted.map(({ spec, signal }) => ({ spec, signal }))
    const jobs = this.#backend.submitMany?.(wanted) ?? wanted.map(one => this.#backend.submit(one.spec, one.signal))
    for (const [i, { resolve }] of submitted.entries()) resolve(jobs[i]!)
  }
}
