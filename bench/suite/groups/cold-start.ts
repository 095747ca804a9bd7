/** From `spawn()` on an empty pool to the first result, in stages. Owns its rounds; what the stages are, life/marks.ts says. */
import type { Bench, Group } from "../group.ts"
import { bareNode, type Contestant, emptyJobOf, threads } from "../life/contestants.ts"
import { LAST, marksOf } from "../life/marks.ts"
import { nameOfOurs } from "../life/names.ts"
import { LIVED, stampedPool } from "../life/runner-life.ts"
import { split } from "../life/stages.ts"
import { type Start, startFigures } from "../life/start-figures.ts"
import { interleave, plan } from "../rounds.ts"

const ROUNDS = { local: 15, slurm: 6 }

interface Starter {
  readonly name: string
  /** Starts and ends it. */
  once(): Promise<Start>
}

export const coldStart: Group = {
  id: "cold-start",
  alone: true,
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
    return startFigures(slices, nameOfOurs(bench.options))
  },
}

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
    name: nameOfOurs(bench.options),
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
