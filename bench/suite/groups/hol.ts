/** Head-of-line: what small calls pay for a big message on the same line, and it for them. */
import { figures, quantileFigures } from "../figures.ts"
import type { Group, OpenSubject } from "../group.ts"
import { able, measureSlices, sumOf, survivors, tryOut, valuesOf } from "../measure.ts"
import type { Figure } from "../report.ts"
import { plan } from "../rounds.ts"
import type { Beside } from "../works/beside.ts"

const BYTES = { quick: 8 << 20, full: 32 << 20 }
const WAYS = [
  { direction: "up", title: "to the server" },
  { direction: "down", title: "from the server" },
] as const
const GAP_MS = 1
const ROUNDS = 9

export const hol: Group = {
  id: "hol",
  title: "Small calls beside a big message",
  how: "Messages of 32 MiB (8 with --quick) one after the other, first alone, then with small calls beside them on the same line, one at a time and at most one in a millisecond. What the big ones keep is their bandwidth beside the calls as a share of that of the same slice without them. Who took more than 1.5 s for a first slice, which does not count, is left out.",
  async run(bench) {
    return await bench.with("all", async open => {
      const { quick, secondsPerGroup } = bench.options
      const bytes = quick ? BYTES.quick : BYTES.full
      const ms = quick ? 50 : 150
      const made: Figure[] = []
      let left: OpenSubject[] = able(bench, open, ["sink", "source"], "it has no bytes one way")
      for (const { direction, title } of WAYS) {
        const slice = (subject: OpenSubject) => subject.work<Beside>("beside", { bytes, ms, direction, gapMs: GAP_MS })
        const took = ({ bulkSeconds }: Beside) => bulkSeconds
        left = await tryOut(bench, left, slice, took, `big messages ${title}`)
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
