/** From `spawn()` on an empty pool to the first result, in stages. Owns its rounds; what the stages are, life/runner-life.ts says. */

import { figures, type Slices } from "../figures.ts"
import type { Bench, Group } from "../group.ts"
import { BARE_NODE, bareNode, type Contestant, EMPTY_JOB, emptyJobOf, threads } from "../life/contestants.ts"
import { LAST, LIVED, marksOf, STAGES, stampedPool } from "../life/runner-life.ts"
import { type Stages, split } from "../life/stages.ts"
import type { Figure, Subject } from "../report.ts"
import { interleave, plan } from "../rounds.ts"
import { OURS, OURS_PLAIN } from "../subjects.ts"

const ROUNDS = { local: 15, slurm: 5 }
/** Clocks of one node, and milliseconds rounded off: what lies within is no disagreement. */
const EXACT_MS = 25
/** Other runners than this one: those of the subjects. */
const COMPARED: readonly Subject[] = [BARE_NODE, EMPTY_JOB, "comlink worker_threads"]

/** One start; ours has stages. */
interface Start {
  readonly ms: number
  readonly stages?: Stages
}

interface Starter {
  readonly name: string
  /** Starts and ends it. */
  once(): Promise<Start>
}

export const coldStart: Group = {
  id: "cold-start",
  title: "Cold start, in stages",
  how: "From spawn() on an empty pool to the result of a first call of two numbers; each start is a slice, and each runner is ended before the next. Beside it, in the same rounds: a bare Node process until its first output, threads until their first result, and with Slurm the same job script with one line in the runner's place that connects back. One start of each goes before and does not count. Stages of one start add up to it; their medians need not.",
  async run(bench) {
    const starters = [ours(bench), ...(await others(bench))]
    const failed = ({ name }: Starter, error: unknown) =>
      bench.skip(name, error instanceof Error ? error.message : String(error))
    const round = (words: string) => bench.progress(words)
    round("one start of each, which does not count")
    const warm = await interleave(
      starters,
      done => done < 1,
      starter => starter.once(),
      failed,
    )
    const ready = starters.filter(({ name }) => warm.get(name)?.[0])
    const more = plan(bench.options, { full: ROUNDS[bench.options.backend], seconds: bench.options.secondsPerGroup })
    const slices = await interleave(
      ready,
      done => {
        if (more(done)) round(`round ${done + 1}`)
        return more(done)
      },
      starter => starter.once(),
      failed,
    )
    return made(slices, nameOfOurs(bench))
  },
}

export const nameOfOurs = (bench: Bench): Subject => (bench.options.tls ? OURS : OURS_PLAIN)

async function others(bench: Bench): Promise<Starter[]> {
  const found: Contestant[] = [bareNode, ...(await threads(bench))]
  if (bench.options.backend === "slurm") found.push(emptyJobOf(bench, LIVED))
  return found.map(contestant => ({
    name: contestant.name,
    async once() {
      const began = performance.now()
      const begun = await contestant.begin()
      const ms = performance.now() - began
      await begun.end()
      return { ms }
    },
  }))
}

function ours(bench: Bench): Starter {
  return {
    name: nameOfOurs(bench),
    async once() {
      const pool = await stampedPool(bench, "bench-start")
      try {
        const beganAt = Date.now()
        const began = performance.now()
        const r = await pool.spawn()
        const sum = await r.api.add(1, 2)
        const ms = performance.now() - began
        if (sum !== 3) throw new Error(`1 + 2 was ${sum}`)
        const own = await r.api.ownStart()
        return { ms, stages: split(ms, marksOf(beganAt, r.info, own, bench.options.backend === "slurm"), LAST) }
      } finally {
        await pool.close({ timeout: 0 })
      }
    },
  }
}

/** The figures of all starts: the whole of each subject, and the stages of ours. */
export function made(starts: ReadonlyMap<Subject, readonly (Start | null)[]>, mine: Subject): Figure[] {
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
