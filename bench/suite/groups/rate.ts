/** Small calls, many at a time: how many there are in a second, and what one takes when they come whether or not others have ended. */
import { figures, quantileFigures } from "../figures.ts"
import type { Bench, Group, OpenSubject } from "../group.ts"
import { measureSlices, sumOf, survivors, timedHere, valuesOf, warmUp } from "../measure.ts"
import type { Figure } from "../report.ts"
import { type Measured, plan } from "../rounds.ts"
import { quantile } from "../statistics.ts"
import type { OpenLoop } from "../works/open-loop.ts"
import type { Rated } from "../works/rate.ts"

const LANES = [1, 8, 64, 512]
/** Whose rate says who can keep up with an open loop. */
const CAPACITY_LANES = 64
/** The same for all: at a share of its own rate a slow subject would have an easier load. */
const OPEN_RATES = [1_000, 5_000]
/** Ends of an open loop that are later than this were behind, and not only slow. */
const LATE_MS = 100
const ROUNDS = 9
/** Of the group's time, for each number of lanes; an open loop has slices five times as long. */
const SHARES = { closed: 1 / 8, open: 1 / 4 }

export const rate: Group = {
  id: "rate",
  title: "Small calls, many at a time",
  how: "So many loops of one small call each (slices of 100 ms; 40 ms with --quick): calls that end in a second. Ours sends what is called in one turn in one piece; raw ws and raw TCP send each call by itself, as they do by default, so beyond 8 in flight they are no limit. Then an open loop: calls come at fixed times, 1,000 and 5,000 a second for every subject that can keep up (slices of 500 ms; 200 ms with --quick), and each counts from when it was due, so that one that stalls the others is counted with all that it delayed. They are evenly spaced; real users come in bursts, and wait longer. The client turns its event loop between them and never sleeps, which saves it being woken: a p50 may be below that of the closed loop.",
  async run(bench) {
    return await bench.with("all", async open => {
      const ms = bench.options.quick ? 40 : 100
      const more = (share: number) =>
        plan(bench.options, { full: ROUNDS, seconds: share * bench.options.secondsPerGroup })
      const work = (subject: OpenSubject, lanes: number) => subject.work<Rated>("rate", { lanes, ms })
      let left = await warmUp(bench, open, async subject => (await work(subject, CAPACITY_LANES)).perSecond)
      const made: Figure[] = []
      const capacity = new Map<string, number>()
      for (const lanes of LANES) {
        const slices = await measureSlices(
          bench,
          left,
          more(SHARES.closed),
          subject => work(subject, lanes),
          `${lanes} in flight`,
        )
        const values = valuesOf(slices, ({ perSecond }) => perSecond)
        const calls = sumOf(slices, one => one.calls)
        const parameter = { name: "in flight", value: lanes }
        made.push(
          ...figures({ id: "rate/closed", title: "Calls", unit: "calls/s", better: "more", parameter }, values, calls),
        )
        left = survivors(left, slices)
        if (lanes !== CAPACITY_LANES) continue
        for (const { name } of left)
          capacity.set(
            name,
            quantile(
              values.get(name)!.filter(one => one !== null),
              0.5,
            ),
          )
      }
      left = timedHere(
        bench,
        left,
        "no open loop: its program times its own calls, and makes the next one after an answer",
      )
      for (const perSecond of OPEN_RATES) {
        left = able(bench, left, capacity, perSecond)
        const openMs = bench.options.quick ? 200 : 500
        const loop = (subject: OpenSubject) => subject.work<OpenLoop>("openLoop", { rate: perSecond, ms: openMs })
        const slices = await measureSlices(bench, left, more(SHARES.open), loop, `open loop, ${perSecond}/s`)
        made.push(...openFigures(slices, perSecond))
        left = survivors(left, slices)
      }
      return made
    })
  },
}

/** Those that may keep up; the others are told, with what they can. */
function able(bench: Bench, subjects: readonly OpenSubject[], capacity: ReadonlyMap<string, number>, rate: number) {
  return subjects.filter(({ name }) => {
    const most = capacity.get(name) ?? 0
    if (most >= rate) return true
    const [can, due] = [Math.round(most), rate].map(value => value.toLocaleString("en-US"))
    bench.note(name, `no open loop of ${due} calls/s: it cannot keep up (${can} with ${CAPACITY_LANES} in flight)`)
    return false
  })
}

/** The quantiles at one rate; who fell behind has a note. The rate is in the id: these are tables, and no series. */
export function openFigures(slices: Measured<OpenLoop>, perSecond: number): Figure[] {
  const title = `Open loop at ${perSecond.toLocaleString("en-US")} calls/s`
  return quantileFigures({ id: `rate/open-${perSecond}`, title, unit: "us" }, slices).map(figure => {
    const late = (slices.get(figure.subject) ?? []).filter(slice => slice !== null && slice.lateMs > LATE_MS).length
    if (late === 0) return figure
    const note = `fell behind at ${perSecond.toLocaleString("en-US")} calls/s in ${late} of ${slices.get(figure.subject)!.length} slices`
    return { ...figure, note: figure.note === undefined ? note : `${note}; ${figure.note}` }
  })
}
