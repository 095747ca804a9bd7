/** A map without a pool: items that run until the test says how they end, and inputs that tell what is asked of them. */
import type { CallOptions } from "../../src/parent/call-options.ts"
import { MapInput, type MapItems } from "../../src/parent/map-input.ts"
import { checkMapOptions, type MapOptions } from "../../src/parent/map-options.ts"
import { type MapHost, MapRun } from "../../src/parent/map-run.ts"
import { MapStream } from "../../src/parent/map-stream.ts"
import type { SettledItem } from "../../src/parent/result-stream.ts"
import { CallAbortedError } from "../../src/shared/errors.ts"
import { onAbort } from "../../src/shared/on-abort.ts"

/** One item under way. */
export interface Task {
  readonly value: unknown
  readonly signal: AbortSignal
  readonly options: CallOptions
  resolve(value: unknown): void
  reject(reason: unknown): void
}

export class FakeHost implements MapHost {
  /** Under way now, in order of their start. */
  readonly running: Task[] = []
  readonly listeners = new Set<() => void>()
  /** The items that were started, in this order. */
  readonly ran: unknown[] = []
  most = 0
  closed: Error | undefined
  /** False: what is aborted goes on until the test ends it. */
  prompt = true
  #capacity: number

  constructor(capacity = 2) {
    this.#capacity = capacity
  }

  run(task: (api: never) => unknown, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const signal = options.signal!
      const leave = () => {
        const at = this.running.indexOf(entry)
        if (at >= 0) this.running.splice(at, 1)
        unlisten()
      }
      const entry: Task = {
        value: task("api" as never),
        signal,
        options,
        resolve: value => {
          leave()
          resolve(value)
        },
        reject: reason => {
          leave()
          reject(reason)
        },
      }
      this.ran.push(entry.value)
      this.running.push(entry)
      this.most = Math.max(this.most, this.running.length)
      const abort = () => entry.reject(new CallAbortedError("aborted", true, { cause: signal.reason }))
      const unlisten = onAbort(signal, () => this.prompt && abort())
    })
  }

  get started(): number {
    return this.ran.length
  }

  /** Under way for `value`. */
  of(value: unknown): Task {
    const task = this.running.find(one => one.value === value)
    if (!task) throw new Error(`${String(value)} is not running; what runs: ${this.running.map(one => one.value)}`)
    return task
  }

  capacity(): number {
    return this.#capacity
  }

  scale(capacity: number): void {
    this.#capacity = capacity
    for (const listener of this.listeners) listener()
  }

  close(error: Error): void {
    this.closed = error
    for (const listener of this.listeners) listener()
  }

  admit(): void {
    if (this.closed) throw this.closed
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}

/** A map whose function gives its item, for the host to end as the test likes. */
export function mapOn<I>(
  host: MapHost,
  items: MapItems<I>,
  options: MapOptions & { onError: "settle" },
): MapStream<SettledItem<I, unknown>>
export function mapOn<I>(host: MapHost, items: MapItems<I>, options?: MapOptions): MapStream<unknown>
export function mapOn(host: MapHost, items: MapItems<unknown>, options?: MapOptions): MapStream<unknown> {
  const settings = checkMapOptions(options)
  return new MapStream(new MapRun(new MapInput(items), (_api, item) => item, settings, host), settings.ordered)
}

/** 0, 1, 2, … up to `count`, and what was asked of it. */
export class Numbers {
  pulled = 0
  returned = 0
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  *[Symbol.iterator](): Generator<number> {
    try {
      while (this.pulled < this.#count) yield this.pulled++
    } finally {
      if (this.pulled < this.#count) this.returned += 1
    }
  }

  /** The same, each after a turn. */
  async *later(): AsyncGenerator<number> {
    for (const x of this) {
      await null
      yield x
    }
  }
}

/** Until everything that needs no one else has happened. */
export function quiet(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** What became of a promise so far. */
export function watch<T>(promise: PromiseLike<T>): { state: "pending" | "resolved" | "rejected"; value: unknown } {
  const seen: { state: "pending" | "resolved" | "rejected"; value: unknown } = { state: "pending", value: undefined }
  promise.then(
    value => Object.assign(seen, { state: "resolved", value }),
    error => Object.assign(seen, { state: "rejected", value: error }),
  )
  return seen
}

/** Reads until the end or the error. */
export async function read(stream: AsyncIterable<unknown>, into: unknown[] = []): Promise<unknown[]> {
  for await (const result of stream) into.push(result)
  return into
}
