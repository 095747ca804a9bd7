/** What many runners do at once: how far the parent carries them, and what of their processors arrives. */
import { availableParallelism } from "node:os"
import { figures } from "../figures.ts"
import type { Bench, Group } from "../group.ts"
import { doublings, efficiency, megabytesPerSecond, paired, perSecond } from "../many/arithmetic.ts"
import type { Count } from "../many/loops.ts"
import { rateFigures } from "../many/slices.ts"
import { COMLINK, isOurs, oursFor, type Stage, threadsFor, withStages } from "../many/stage.ts"
import { against, measureVariants, type Variant } from "../many/variants.ts"
import type { Load } from "../many/works.ts"
import type { Figure } from "../report.ts"
import type { Measured } from "../rounds.ts"
import { spread } from "../statistics.ts"

const MIB = 2 ** 20
const PISCINA = "piscina"

/** What is done, `each` at a time for every runner. */
interface Kind {
  readonly id: string
  readonly title: string
  readonly load: Load
  readonly each: number
}

export const scaling: Group = {
  id: "scaling",
  alone: true,
  title: "Many runners at once",
  how: "1, 2, 4, 8, ... runners work at the same time, the others rest: small calls with 64 in flight for each runner; functions that compute for about 1 ms and 10 ms, one at a time on each; 1 MiB to each, four in flight. All calls are the pool's, which chooses the runner. Efficiency is the rate of so many runners against so many times that of one, in the same round. Slices of 200 ms (80 ms with --quick).",
  async run(bench) {
    const { backend, maxRunners } = bench.options
    // More of them than processors would measure the machine's scheduler.
    const size = backend === "local" ? Math.min(maxRunners, availableParallelism()) : maxRunners
    const cast = new Map(oursFor(bench, size))
    // As many threads as runners; no more than this machine can run.
    if (backend === "local") {
      cast.set(COMLINK, threadsFor(bench, size)).set(PISCINA, threadsFor(bench, size, "piscina"))
    }
    return await withStages(bench, cast, stages => measured(bench, stages))
  },
}

async function measured(bench: Bench, stages: readonly Stage[]): Promise<Figure[]> {
  const [first] = stages
  if (first === undefined) return []
  const kinds = kindsOf(await first.do("steps", {}))
  const ms = bench.options.quick ? 80 : 200
  const sizes = doublings(Math.max(...stages.map(({ about }) => about.size)))
  const variants = sizes.flatMap(runners =>
    kinds.flatMap(({ id, load, each }) =>
      stages
        .filter(({ about }) => about.size >= runners)
        .map(
          (stage): Variant<Count> => ({
            name: `${id}, ${runners}: ${stage.name}`,
            stage,
            measure: () => stage.do("team", { runners, load, each, ms }),
          }),
        ),
    ),
  )
  const slices = await measureVariants(bench, variants, ms, perSecond)
  const nodes = new Set(stages.flatMap(({ about }) => about.nodes))
  const note = nodes.size > 1 ? { note: `of runners on ${[...nodes].sort().join(", ")}` } : {}
  const made = sizes.flatMap(runners =>
    kinds.flatMap(({ id, title, load }): Figure[] => {
      const head = { id: `scaling/${id}`, title, parameter: { name: "runners", value: runners }, ...note }
      const prefix = `${id}, ${runners}: `
      if (load.name === "sink") {
        return rateFigures({ ...head, unit: "MB/s" }, slices, prefix, count => megabytesPerSecond(count, load.bytes))
      }
      const rates = rateFigures({ ...head, unit: "calls/s" }, slices, prefix)
      return load.name === "busy" && runners > 1 ? [...rates, ...efficiencies(head, slices, `${id}, `, runners)] : rates
    }),
  )
  return against(made, subject => (isOurs(subject) ? [COMLINK, PISCINA] : []))
}

/** @param steps of `busy`, that take about a millisecond here */
const kindsOf = (steps: number): Kind[] => [
  { id: "calls", title: "Small calls, all runners together", load: { name: "add" }, each: 64 },
  { id: "busy-1ms", title: "Calls that compute for 1 ms", load: { name: "busy", steps }, each: 1 },
  { id: "busy-10ms", title: "Calls that compute for 10 ms", load: { name: "busy", steps: steps * 10 }, each: 1 },
  { id: "sink", title: "1 MiB to each runner, all together", load: { name: "sink", bytes: MIB }, each: 4 },
]

function efficiencies(
  head: Pick<Figure, "id" | "title" | "parameter" | "note">,
  slices: Measured<Count>,
  prefix: string,
  runners: number,
): Figure[] {
  return [...slices].flatMap(([name, list]) => {
    const start = `${prefix}${runners}: `
    if (!name.startsWith(start)) return []
    const subject = name.slice(start.length)
    const alone = slices.get(`${prefix}1: ${subject}`) ?? []
    const values = paired(list, alone, (count, one) => efficiency(perSecond(count), perSecond(one), runners))
    const known = values.filter(value => value !== null)
    if (known.length === 0) return []
    const speedUp = (spread(known).median * runners) / 100
    const note = [`a speed-up of ${speedUp.toFixed(2)}`, head.note].filter(Boolean).join("; ")
    const total = list.reduce((sum, count) => sum + (count?.done ?? 0), 0)
    const about = { ...head, id: `${head.id}-efficiency`, title: `${head.title}, efficiency`, note }
    return figures({ ...about, unit: "%", better: "more" }, new Map([[subject, values]]), () => total, [])
  })
}
