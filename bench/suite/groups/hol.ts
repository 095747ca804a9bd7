/** Head-of-line: what small calls pay for a big message on the same line, and it for them. */
import { figures, quantileFigures } from "../figures.ts"
import type { Group, OpenSubject } from "../group.ts"
import { able, measureSlices, sumOf, survivors, timedHere, valuesOf } from "../measure.ts"
import type { Figure } from "../report.ts"
import { plan } from "../rounds.ts"
import type { Beside } from "../works/beside.ts"

const BYTES = { quick: 8 << 20, full: 16 << 20 }
const WAYS = [
  { direction: "up", title: "to the server" },
  { direction: "down", title: "from the server" },
] as const
const GAP_MS = 1
const ROUNDS = 9

export const hol: Group = {
  id: "hol",
  title: "Small calls beside a big message",
  how: "Messages of 16 MiB (8 with --quick) one after the other, alone, and with small calls beside them on the same line; which comes first is left to chance. A small call is due every millisecond, whether or not those before have ended, and counts from when it was due: a line that is blocked for 300 ms delays 300 of them. A timer may begin one up to a millisecond late, which is in the values of all subjects alike. What the big ones keep is their bandwidth beside the calls as a share of that of the same slice without them.",
  async run(bench) {
    return await bench.with("all", async open => {
      const { quick, secondsPerGroup } = bench.options
      const bytes = quick ? BYTES.quick : BYTES.full
      const ms = quick ? 50 : 120
      const made: Figure[] = []
      const capable = able(bench, open, ["sink", "source"], "it has no bytes one way")
      let left: OpenSubject[] = timedHere(
        bench,
        capable,
        "its program times its own calls, and makes those of one kind at a time",
      )
      for (const { direction, title } of WAYS) {
        const slice = (subject: OpenSubject) => subject.work<Beside>("beside", { bytes, ms, direction, gapMs: GAP_MS })
        left = survivors(left, await measureSlices(bench, left, done => done < 1, slice, `${title}, trying`))
        const more = plan(bench.options, { full: ROUNDS, seconds: secondsPerGroup / WAYS.length })
        const slices = await measureSlices(bench, left, more, slice, title)
        const small = new Map([...slices].map(([name, list]) => [name, list.map(one => one?.small ?? null)]))
        const n = sumOf(slices, ({ transfers }) => transfers)
        const of = (what: string, words: string) => ({
          id: `hol/${direction}/${what}`,
          title: `Big message ${title}, ${words}`,
        })
        const kept = { ...of("kept", "what it keeps beside small calls"), unit: "%", better: "more" } as const
        const alone = { ...of("alone", "alone"), unit: "MB/s", better: "more" } as const
        made.push(
          ...quantileFigures(
            { id: `hol/${direction}`, title: `Small call beside a big message ${title}`, unit: "us" },
            small,
          ),
          ...figures(
            kept,
            valuesOf(slices, one => (one.shared / one.alone) * 100),
            n,
          ),
          ...figures(
            alone,
            valuesOf(slices, one => one.alone),
            n,
          ),
        )
        left = survivors(left, slices)
      }
      return made
    })
  },
}
