/**
 * One `pool.map` under way: reads an item when it can be started, starts it, gives its result to the sink, and comes to an end
 * exactly once. Owns how many run and why it ends. Knows no pool: it is told how to run something and how much may run at a
 * time. For each item under way there is one call and nothing else; of those before and after it there is nothing here.
 */
import { CallAbortedError } from "../shared/errors.ts"
import { onAbort } from "../shared/on-abort.ts"
import type { CallOptions } from "./call-options.ts"
import type { MapInput, Puller } from "./map-input.ts"
import type { MapSettings } from "./map-options.ts"
import type { MapProgress } from "./result-stream.ts"

/** Where a map runs. */
export interface MapHost {
  /** Runs `task` with the API of some runner; settles with what it returned or threw, soon after `options.signal` fires at the latest. */
  run(task: (api: never) => unknown, options: CallOptions): Promise<unknown>
  /** How many can run at a time. */
  capacity(): number
  /** @throws when nothing may be started any more: the map ends with it, after what runs. */
  admit(): void
  /** Calls `listener` when `capacity()` or `admit()` has something new to say. @returns what takes it back */
  onChange(listener: () => void): () => void
}

/** Where results go. */
export interface MapSink {
  /** Results that may be unread, and items under way, are together at most this times the concurrency. */
  readonly ahead: number
  /** Results that nobody has read yet. */
  readonly unread: number
  put(index: number, result: unknown): void
  /** Everything has settled. Called once; the sink tells the failure, where there is one. */
  over(failure: Failure | undefined): void
}

/** An object, since anything may be thrown, `undefined` too. */
export interface Failure {
  readonly error: unknown
}

/**
 * After so many items the event loop has its turn. Items that end without it, since all are refused say, would otherwise let
 * nobody else in until the last one.
 */
const ITEMS_PER_TURN = 1_024

export type MapFunction<I> = (api: never, item: I, index: number) => unknown

export class MapRun<I> implements Puller<I> {
  readonly #input: MapInput<I>
  readonly #fn: MapFunction<I>
  readonly #settings: MapSettings
  readonly #host: MapHost
  readonly #total: number | undefined
  readonly #controller = new AbortController()
  /** What each item's call is given. */
  readonly #options: CallOptions
  #sink: MapSink | undefined
  #unlisten: (() => void)[] = []
  #started = 0
  #running = 0
  #done = 0
  #failed = 0
  /** Nothing is started any more. */
  #ending = false
  /** What still comes is not wanted. */
  #stopped = false
  #failure: Failure | undefined
  /** The input has ended as well. */
  #closed = false
  #over = false
  #filling = false
  #resting = false

  constructor(input: MapInput<I>, fn: MapFunction<I>, settings: MapSettings, host: MapHost) {
    this.#input = input
    this.#total = input.total
    this.#fn = fn
    this.#settings = settings
    this.#host = host
    this.#options = { ...settings.call, signal: this.#controller.signal }
  }

  get progress(): MapProgress {
    return { total: this.#total, done: this.#done, failed: this.#failed, running: this.#running }
  }

  /** Starts; once. */
  begin(sink: MapSink): void {
    this.#sink = sink
    const { signal } = this.#settings
    if (signal?.aborted) this.#aborted(signal)
    else if (signal) this.#unlisten.push(onAbort(signal, () => this.#aborted(signal)))
    this.#unlisten.push(this.#host.onChange(() => this.fill()))
    this.fill()
  }

  /** Starts what may be started now: to be called when a result was read, or when what the host says has changed. */
  fill(): void {
    if (this.#filling || !this.#sink) return // the input's own code may come back here
    this.#filling = true
    while (!this.#ending && this.#admitted() && this.#hasRoom(this.#sink)) this.#input.pull(this)
    this.#filling = false
    this.#settle()
  }

  /** Ends it with a CallAbortedError; without effect when it has ended. */
  cancel(reason: unknown): void {
    this.#stop({ error: this.#abortError("was cancelled", reason) }, reason)
  }

  /** Nobody reads on: as `cancel`, but that is no failure. */
  leave(): void {
    this.#failure = undefined
    this.#stop(undefined, this.#becauseOf("nobody reads its results"))
  }

  /** @internal The input's answer. */
  item(item: I): void {
    const index = this.#started
    this.#started += 1
    this.#running += 1
    if (this.#started % ITEMS_PER_TURN === 0) this.#rest()
    const fn = this.#fn
    let promise: Promise<unknown>
    try {
      promise = this.#host.run(api => fn(api, item, index), this.#options)
    } catch (error) {
      promise = Promise.reject(error)
    }
    promise.then(
      value => this.#fulfilled(item, index, value),
      (reason: unknown) => this.#rejected(item, index, reason),
    )
    this.fill()
  }

  /** @internal The input's answer. */
  end(): void {
    this.#finish(undefined)
  }

  /** @internal The input's answer: with 'settle', what was read before is worth finishing. */
  failed(error: unknown): void {
    if (this.#settings.settle) this.#finish({ error })
    else this.#stop({ error }, this.#becauseOf("its input threw"))
  }

  #fulfilled(item: I, index: number, value: unknown): void {
    this.#running -= 1
    if (!this.#stopped) {
      this.#done += 1
      this.#sink!.put(index, this.#settings.settle ? { status: "fulfilled", value, item, index } : value)
    }
    this.fill()
  }

  #rejected(item: I, index: number, reason: unknown): void {
    this.#running -= 1
    if (!this.#stopped) {
      this.#failed += 1
      if (this.#settings.settle) this.#sink!.put(index, { status: "rejected", reason, item, index })
      else this.#stop({ error: reason }, this.#becauseOf(`item ${index} failed`))
    }
    this.fill()
  }

  #hasRoom(sink: MapSink): boolean {
    if (this.#resting || this.#input.pulling) return false
    const most = this.#settings.concurrency ?? this.#host.capacity()
    return this.#running < most && this.#running + sink.unread < most * sink.ahead
  }

  #rest(): void {
    this.#resting = true
    setImmediate(() => {
      this.#resting = false
      this.fill()
    })
  }

  #admitted(): boolean {
    try {
      this.#host.admit()
      return true
    } catch (error) {
      // Nothing is refused where everything has been started.
      this.#finish(this.#started === this.#total ? undefined : { error })
      return false
    }
  }

  #aborted(signal: AbortSignal): void {
    this.#stop({ error: this.#abortError("was aborted by its signal", signal.reason) }, signal.reason)
  }

  /** What runs may finish. */
  #finish(failure: Failure | undefined): void {
    this.#failure ??= failure
    if (this.#ending) return
    this.#ending = true
    void this.#close()
  }

  /** What runs is aborted, and what comes of it is not wanted. */
  #stop(failure: Failure | undefined, reason: unknown): void {
    if (this.#stopped || this.#over) return
    this.#stopped = true
    this.#controller.abort(reason)
    this.#finish(failure)
  }

  async #close(): Promise<void> {
    try {
      await this.#input.close()
    } catch (error) {
      this.#failure ??= { error } // as `for await` does: what ended the loop is the error, else what its end threw
    }
    this.#closed = true
    this.#settle()
  }

  #settle(): void {
    if (!this.#ending || !this.#closed || this.#running > 0 || this.#over || !this.#sink) return
    this.#over = true
    for (const unlisten of this.#unlisten) unlisten()
    this.#sink.over(this.#failure)
  }

  #abortError(what: string, reason: unknown): CallAbortedError {
    const init = reason === undefined ? {} : { cause: reason }
    return new CallAbortedError(
      `pool.map ${what} (${this.#started} of its items had been started)`,
      this.#started > 0,
      init,
    )
  }

  /** What the functions that run are told. */
  #becauseOf(what: string): CallAbortedError {
    return new CallAbortedError(`pool.map ended: ${what}`, true)
  }
}
