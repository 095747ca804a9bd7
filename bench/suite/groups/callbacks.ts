/** What it costs a runner to call a function that it was passed. */
import type { Bench, Group } from "../group.ts"
import { gauge, latencyFigures, rateFigures, type Slice } from "../many/slices.ts"
import { COMLINK, isOurs, oursFor, type Stage, threadsFor, withStages } from "../many/stage.ts"
import { against, measureVariants, type Variant } from "../many/variants.ts"
import type { Figure } from "../report.ts"

const IN_FLIGHT = 64

export const callbacks: Group = {
  id: "callbacks",
  alone: true,
  title: "Calls of a function that was passed",
  how: `The runner calls a function of the parent that came as an argument: two numbers there, their sum back, measured in the runner, one at a time (the quantiles) and with ${IN_FLIGHT} in flight (the rate). "direct" are calls the other way, from the parent to the runner, in the same rounds. Slices of 150 ms (80 ms with --quick).`,
  async run(bench) {
    const cast = new Map([...oursFor(bench, 1), [COMLINK, threadsFor(bench, 1)]])
    return await withStages(bench, cast, stages => measured(bench, stages))
  },
}

async function measured(bench: Bench, stages: readonly Stage[]): Promise<Figure[]> {
  const ms = bench.options.quick ? 80 : 150
  const inFlight = IN_FLIGHT
  const variants = stages.flatMap((stage): Variant<Slice>[] => [
    { name: `latency: ${stage.name}`, stage, measure: () => stage.do("callback", { ms }) },
    { name: `latency: ${stage.name}, direct`, stage, measure: () => stage.do("direct", { ms }) },
    { name: `rate: ${stage.name}`, stage, measure: () => stage.do("callbackRate", { ms, inFlight }) },
    { name: `rate: ${stage.name}, direct`, stage, measure: () => stage.do("directRate", { ms, inFlight }) },
  ])
  const slices = await measureVariants(bench, variants, ms, gauge)
  const title = "Callback"
  const made = [
    ...latencyFigures({ id: "callbacks", title, unit: "us" }, slices, "latency: "),
    ...rateFigures(
      { id: "callbacks/rate", title: `${title}s, ${inFlight} in flight`, unit: "calls/s" },
      slices,
      "rate: ",
    ),
  ]
  return against(made, subject => [`${subject}, direct`, ...(isOurs(subject) ? [COMLINK] : [])])
}
