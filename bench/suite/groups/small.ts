/** What a small call costs: two numbers there, their sum back, one call at a time. */
import { quantileFigures } from "../figures.ts"
import type { Group } from "../group.ts"
import { measureSlices, warmUp } from "../measure.ts"
import { plan } from "../rounds.ts"
import type { Sampled } from "../sampled.ts"

const ROUNDS = 25

export const small: Group = {
  id: "small",
  title: "Small calls, one at a time",
  how: "Two numbers there, their sum back; the next call begins when the one before has ended. Each slice is 150 ms of such calls (60 ms with --quick). p50, p90 and p99 are medians of the slices' own; p99.9, the largest and the histogram are of all calls together.",
  async run(bench) {
    const ms = bench.options.quick ? 60 : 150
    return await bench.with("all", async open => {
      const work = "latency"
      const more = plan(bench.options, { full: ROUNDS, seconds: bench.options.secondsPerGroup })
      const ready = await warmUp(bench, open, subject =>
        subject.work<Sampled>(work, { ms }).then(({ quantiles }) => quantiles.p50!),
      )
      const slices = await measureSlices(bench, ready, more, subject => subject.work<Sampled>(work, { ms }))
      return quantileFigures({ id: "small", title: "Small call", unit: "us" }, slices)
    })
  },
}
