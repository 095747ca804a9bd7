/** What `pool.map` returns, as its user sees it. Types only. */

/** What became of one item, with `onError: 'settle'`. */
export type SettledItem<I, R> =
  | { readonly status: "fulfilled"; readonly value: R; readonly item: I; readonly index: number }
  | { readonly status: "rejected"; readonly reason: unknown; readonly item: I; readonly index: number }

/** How far a map has come. A snapshot. */
export interface MapProgress {
  /** How many items there are, where they have a `length` or `size`. */
  readonly total: number | undefined
  /** Items whose function has returned. */
  readonly done: number
  /** Items whose function has thrown; those that the end of the map aborted are in neither number. */
  readonly failed: number
  /** Items under way, those that wait for a runner included. */
  readonly running: number
}

/**
 * The results of a map: `await` it for an array, or `for await` it. Either, and once: a second reading throws StateError
 * (awaiting again gives the same array). Nothing happens before, so that one nobody reads costs nothing and can fail nowhere.
 *
 * Read one after the other, results and items under way are together at most twice the concurrency: a slow reader slows the
 * work down, and so does, in input order, one slow item.
 *
 * When it ends early (a failure, `cancel`, the signal, `break`) nothing more is started, what runs is aborted, and the input
 * is told to end. Results that are complete, and in input order follow each other, are still read; then comes the error,
 * once. It comes, and `break` goes on, when every call of the map has settled; aborted work that goes on on its runner keeps
 * its slot there until it ends.
 */
export interface ResultStream<R> extends AsyncIterable<R>, Promise<R[]> {
  readonly progress: MapProgress
  /** Ends it: whoever waits for it gets a CallAbortedError with `reason` as its `cause`. Without effect when it is over. */
  cancel(reason?: unknown): void
}
