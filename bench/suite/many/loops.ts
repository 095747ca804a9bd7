/** The loops that measure, on whichever side they run, each of at least one turn. Own the clock around a call; do not know what is called. */

/** So many units in so many ms. */
export interface Count {
  readonly done: number
  readonly ms: number
}

/** One call after the other for `ms`. @returns the microseconds of each */
export async function latency(call: () => Promise<unknown>, ms: number): Promise<Float64Array> {
  const times: number[] = []
  const until = performance.now() + ms
  let start = performance.now()
  do {
    await call()
    const end = performance.now()
    times.push((end - start) * 1_000)
    start = end
  } while (start < until)
  return Float64Array.from(times)
}

/** So many lanes, each with one call in flight, for `ms`. Those that are under way then are waited for, and count. */
export async function rate(call: () => Promise<unknown>, ms: number, inFlight: number): Promise<Count> {
  let done = 0
  const start = performance.now()
  const until = start + ms
  const lane = async () => {
    do {
      await call()
      done += 1
    } while (performance.now() < until)
  }
  // All of them: a lane that fails must not leave others behind that go on into the next slice.
  const ends = await Promise.allSettled(Array.from({ length: inFlight }, lane))
  const failed = ends.find(end => end.status === "rejected")
  if (failed !== undefined) throw failed.reason
  return { done, ms: performance.now() - start }
}

/** Reads a stream for `ms` and leaves it. */
export async function read(items: AsyncIterable<unknown>, ms: number): Promise<Count> {
  let done = 0
  const start = performance.now()
  const until = start + ms
  for await (const _ of items) {
    done += 1
    if (performance.now() >= until) break
  }
  return { done, ms: performance.now() - start }
}

/** A stream of `item` that ends after `ms`. */
export async function* lasting<T>(item: T, ms: number): AsyncGenerator<T> {
  const until = performance.now() + ms
  do yield item
  while (performance.now() < until)
}
