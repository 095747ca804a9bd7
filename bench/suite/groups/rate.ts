/** Small calls, many at a time: how many there are in a second, and what one takes when they come whether or not others have ended. */
import { figures, quantileFigures } from "../figures.ts"
import type { Group, OpenSubject } from "../group.ts"
import { measureSlices, sumOf, survivors, valuesOf, warmUp } from "../measure.ts"
import type { Figure } from "../report.ts"
import { plan } from "../rounds.ts"
import type { Sampled } from "../sampled.ts"
import { quantile } from "../statistics.ts"
import type { Rated } from "../works/rate.ts"

const LANES = [1, 8, 64, 512]
/** Of which the open loop takes half. */
const OPEN_LANES = 64
const ROUNDS = 9

export const rate: Group = {
  id: "rate",
  title: "Small calls, many at a time",
  how: "So many loops of one small call each (slices of 100 ms; 40 ms with --quick): calls that end in a second. Then an open loop: calls come at fixed times, at half of the rate that the subject itself had with 64 in flight, and each counts from when it was due, so that one that stalls the others is counted with all that it delayed.",
  async run(bench) {
    return await bench.with("all", async open => {
      const ms = bench.options.quick ? 40 : 100
      const seconds = bench.options.secondsPerGroup / (LANES.length + 1)
      const more = () => plan(bench.options, { full: ROUNDS, seconds })
      const work = (subject: OpenSubject, lanes: number) => subject.work<Rated>("rate", { lanes, ms })
      let left = await warmUp(bench, open, async subject => (await work(subject, OPEN_LANES)).perSecond)
      const made: Figure[] = []
      const rates = new Map<string, number>()
      for (const lanes of LANES) {
        const slices = await measureSlices(bench, left, more(), subject => work(subject, lanes), `${lanes} in flight`)
        const values = valuesOf(slices, ({ perSecond }) => perSecond)
        const head = { id: "rate/closed", title: "Calls", unit: "calls/s", better: "more" } as const
        const parameter = { name: "in flight", value: lanes }
        made.push(
          ...figures(
            { ...head, parameter },
            values,
            sumOf(slices, ({ calls }) => calls),
          ),
        )
        left = survivors(left, slices)
        if (lanes !== OPEN_LANES) continue
        for (const { name } of left)
          rates.set(
            name,
            quantile(
              (values.get(name) ?? []).filter(value => value !== null),
              0.5,
            ) / 2,
          )
      }
      const loop = (subject: OpenSubject) => subject.work<Sampled>("openLoop", { rate: rates.get(subject.name)!, ms })
      const slices = await measureSlices(bench, left, more(), loop, "open loop")
      const head = { id: "rate/open", title: "Open loop at half the rate, from when it was due", unit: "us" } as const
      const noted = quantileFigures(head, slices).map(figure => {
        const at = `${Math.round(rates.get(figure.subject)!).toLocaleString("en-US")} calls/s`
        return { ...figure, note: figure.note === undefined ? at : `${at}; ${figure.note}` }
      })
      return [...made, ...noted]
    })
  },
}
