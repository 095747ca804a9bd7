/** Figures of starts: the whole of each subject, and the stages of ours. Arithmetic alone. */
import { figures, type Slices } from "../figures.ts"
import type { Figure, Subject } from "../report.ts"
import { STAGES } from "./marks.ts"
import { BARE_NODE, EMPTY_JOB } from "./names.ts"
import type { Stages } from "./stages.ts"

/** Clocks of one node, and milliseconds rounded off: what lies within is no disagreement. */
const EXACT_MS = 25
/** Other runners than this one: those of the subjects. */
const COMPARED: readonly Subject[] = [BARE_NODE, EMPTY_JOB, "comlink worker_threads"]

/** One start; ours has stages. */
export interface Start {
  readonly ms: number
  readonly stages?: Stages
}

/** The figures of all starts: the whole of each subject, and the stages of ours. */
export function startFigures(starts: ReadonlyMap<Subject, readonly (Start | null)[]>, mine: Subject): Figure[] {
  const valuesOf = (of: (start: Start) => number | null | undefined): Slices =>
    new Map([...starts].map(([name, list]) => [name, list.map(start => (start === null ? null : (of(start) ?? null)))]))
  const count = (subject: Subject) => starts.get(subject)?.filter(start => start !== null).length ?? 0
  const moved = Math.max(0, ...(starts.get(mine) ?? []).map(start => start?.stages?.movedMs ?? 0))
  const clocks = moved > EXACT_MS ? `; moments seen by two clocks were up to ${Math.round(moved)} ms out of order` : ""
  const whole = { id: "cold-start/total", title: "Cold start", unit: "ms", better: "less" } as const
  return [
    ...figures(
      whole,
      valuesOf(start => start.ms),
      count,
      COMPARED,
    ),
    ...Object.entries(STAGES).flatMap(([stage, { title, note }]) => {
      const head = { id: `cold-start/${stage}`, title: `Cold start: ${title}`, unit: "ms", better: "less" } as const
      return figures(
        { ...head, note: note + clocks },
        valuesOf(start => start.stages?.ms.get(stage)),
        count,
      )
    }),
  ]
}
