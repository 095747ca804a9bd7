/** So many at a time, and the results in order. */

/** @throws what `work` throws, when those that had begun are done */
export async function atOnce<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const rest = items.entries()
  const lane = async () => {
    for (const [i, item] of rest) results[i] = await work(item)
  }
  const lanes = await Promise.allSettled(Array.from({ length: most }, lane))
  for (const lane of lanes) if (lane.status === "rejected") throw lane.reason
  return results
}
