/** What the wire carries when messages follow each other without a wait. */
import { figures } from "../figures.ts"
import type { Group, OpenSubject } from "../group.ts"
import { able, measureSlices, sumOf, survivors, tryOut, valuesOf } from "../measure.ts"
import type { Figure } from "../report.ts"
import { plan } from "../rounds.ts"
import type { Direction, Transferred } from "../works/transfer.ts"

const QUICK = [64 << 10, 1 << 20]
const FULL = [4 << 10, 64 << 10, 1 << 20, 16 << 20]
const WAYS: readonly { direction: Direction; title: string }[] = [
  { direction: "up", title: "To the server" },
  { direction: "down", title: "From the server" },
  { direction: "both", title: "Both ways at once" },
]
const ROUNDS = 9
const WINDOW = 16
/** In flight at most: more is a question to the memory. */
const MOST_BYTES = 32 << 20

export const bandwidth: Group = {
  id: "bandwidth",
  title: "Bandwidth by size",
  how: "16 messages in flight (fewer where they would be more than 32 MiB), each answered with its length, or asked for with it: millions of bytes a second, of both ways together in the last. Slices of 40 ms, the first of each size does not count; who took more than 1.5 s for that one is left out from then on.",
  async run(bench) {
    return await bench.with("all", async open => {
      const ms = 40
      const sizes = bench.options.quick ? QUICK : FULL
      const seconds = bench.options.secondsPerGroup / (sizes.length * WAYS.length)
      const made: Figure[] = []
      let left: OpenSubject[] = able(bench, open, ["sink", "source"], "it has no bytes one way")
      for (const bytes of sizes) {
        const window = Math.max(1, Math.min(WINDOW, Math.floor(MOST_BYTES / bytes)))
        for (const { direction, title } of WAYS) {
          const slice = (subject: OpenSubject) =>
            subject.work<Transferred>("transfer", { bytes, window, ms, direction })
          const words = `${bytes} bytes ${direction === "both" ? "both ways" : title.toLowerCase()}`
          const took = ({ messages, mbPerSecond }: Transferred) => (messages * bytes) / (mbPerSecond * 1e6)
          left = await tryOut(bench, left, slice, took, words)
          const slices = await measureSlices(bench, left, plan(bench.options, { full: ROUNDS, seconds }), slice, words)
          const head = { id: `bandwidth/${direction}`, title, unit: "MB/s", better: "more" } as const
          const values = valuesOf(slices, ({ mbPerSecond }) => mbPerSecond)
          const n = sumOf(slices, ({ messages }) => messages)
          made.push(...figures({ ...head, parameter: { name: "bytes", value: bytes } }, values, n))
          left = survivors(left, slices)
        }
      }
      return made
    })
  },
}
