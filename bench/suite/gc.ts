/** How much of a process's time goes to the garbage collector. Owns the counting in the client, and the figure that it becomes. */
import { PerformanceObserver } from "node:perf_hooks"
import { figures } from "./figures.ts"
import type { Figure, Subject } from "./report.ts"

/** The end of the figure's id: `small/gc`. */
export const GC = "/gc"

/** Of one work. */
export interface Collected {
  readonly gcMs: number
  readonly ms: number
}

let total = 0

/** Begins to count, in this process. */
export function watchCollections(): void {
  new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) total += duration
  }).observe({ entryTypes: ["gc"] })
}

/** Milliseconds so far. */
export function collectedMs(): number {
  return total
}

/** The figure of a group, in percent of the time that its works took. No base: it is the client's own affair. */
export function collectionFigures(group: string, works: ReadonlyMap<Subject, readonly Collected[]>): Figure[] {
  const head = { id: `${group}${GC}`, title: "Garbage collection in the client", unit: "%", better: "less" } as const
  const shares = new Map(
    [...works].map(([subject, list]) => {
      const gcMs = list.reduce((sum, one) => sum + one.gcMs, 0)
      const ms = list.reduce((sum, one) => sum + one.ms, 0)
      return [subject, [ms > 0 ? (gcMs / ms) * 100 : null]]
    }),
  )
  return figures(head, shares, subject => works.get(subject)?.length ?? 0, [])
}
