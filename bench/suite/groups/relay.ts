/** What a call from runner to runner costs, which goes through the parent: there is no shorter way. */
import type { Bench, Group } from "../group.ts"
import { gauge, latencyFigures, rateFigures, type Slice } from "../many/slices.ts"
import { COMLINK, isOurs, oursFor, type Stage, threadsFor, withStages } from "../many/stage.ts"
import { against, measureVariants, type Variant } from "../many/variants.ts"
import type { Figure } from "../report.ts"

const IN_FLIGHT = 64

export const relay: Group = {
  id: "relay",
  alone: true,
  title: "From runner to runner, through the parent",
  how: `One runner calls a function of the parent, which calls another runner and gives back its answer: two round trips, measured in the first runner, one at a time (the quantiles) and with ${IN_FLIGHT} in flight (the rate). "direct" are small calls from the parent to that runner in the same rounds. Slices of 150 ms (80 ms with --quick).`,
  unavailable: ({ maxRunners }) => (maxRunners < 2 ? "it takes two runners, and only one is allowed" : undefined),
  async run(bench) {
    const apart = bench.options.backend === "slurm"
    const cast = new Map([
      ...oursFor(bench, 2).map(([name, spec]) => [name, { ...spec, apart }] as const),
      [COMLINK, threadsFor(bench, 2)],
    ])
    return await withStages(bench, cast, stages =>
      measured(
        bench,
        stages.filter(stage => enough(bench, stage)),
      ),
    )
  },
}

function enough(bench: Bench, stage: Stage): boolean {
  if (stage.about.size >= 2) return true
  bench.skip(stage.name, "one of it is there, and it takes two")
  return false
}

async function measured(bench: Bench, stages: readonly Stage[]): Promise<Figure[]> {
  const ms = bench.options.quick ? 80 : 150
  const inFlight = IN_FLIGHT
  const variants = stages.flatMap((stage): Variant<Slice>[] => [
    { name: `latency: ${stage.name}`, stage, measure: () => stage.do("relay", { ms }) },
    { name: `latency: ${stage.name}, direct`, stage, measure: () => stage.do("direct", { ms }) },
    { name: `rate: ${stage.name}`, stage, measure: () => stage.do("relayRate", { ms, inFlight }) },
    { name: `rate: ${stage.name}, direct`, stage, measure: () => stage.do("directRate", { ms, inFlight }) },
  ])
  const slices = await measureVariants(bench, variants, ms, gauge)
  const title = "Call from runner to runner"
  const made = [
    ...latencyFigures({ id: "relay", title, unit: "us" }, slices, "latency: "),
    ...rateFigures({ id: "relay/rate", title: `${title}, ${inFlight} in flight`, unit: "calls/s" }, slices, "rate: "),
  ]
  const told = made.map(figure => {
    const nodes = stages.find(({ name }) => name === figure.subject)?.about.nodes.slice(0, 2) ?? []
    if (bench.options.backend === "local" || nodes.length === 0) return figure
    return { ...figure, note: [`from ${nodes.join(" to ")}`, figure.note].filter(Boolean).join("; ") }
  })
  return against(told, subject => [`${subject}, direct`, ...(isOurs(subject) ? [COMLINK] : [])])
}
