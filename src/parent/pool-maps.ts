/**
 * The maps of a pool: checks what `map` is given, makes the stream, and tells all that run when the pool can run more or less
 * at a time. Owns who wants to hear of that; the pool is what runs their items.
 */
import { MapInput, type MapItems } from "./map-input.ts"
import { checkMapOptions, type MapOptions } from "./map-options.ts"
import { type MapFunction, type MapHost, MapRun } from "./map-run.ts"
import { MapStream } from "./map-stream.ts"
import { checkFunction } from "./option-checks.ts"

export class PoolMaps {
  readonly #host: MapHost
  readonly #listeners = new Set<() => void>()

  constructor(host: Omit<MapHost, "onChange">) {
    this.#host = {
      run: (task, options) => host.run(task, options),
      capacity: () => host.capacity(),
      admit: () => host.admit(),
      onChange: listener => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
  }

  /** @throws OptionError; and what `admit` throws */
  map(items: unknown, fn: unknown, options?: MapOptions): MapStream<never> {
    checkFunction(fn, "map()", "pool.map(items, (api, item, index) => api.train(item))")
    const input = new MapInput(items as MapItems<unknown>)
    const settings = checkMapOptions(options)
    this.#host.admit()
    const run = new MapRun(input, fn as MapFunction<unknown>, settings, this.#host)
    return new MapStream(run, settings.ordered)
  }

  /** To be called when `capacity()` has changed, and when nothing is admitted any more. */
  changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
