/** What bytes there and back take, from none to 64 MiB. */
import { figures } from "../figures.ts"
import type { Bench, Group, OpenSubject } from "../group.ts"
import { able, measureSlices, sumOf, survivors, valuesOf, warmUp } from "../measure.ts"
import { bytes as inBytes } from "../quantity.ts"
import type { Figure } from "../report.ts"
import { plan } from "../rounds.ts"
import type { Sampled } from "../sampled.ts"
import { quantile } from "../statistics.ts"

const QUICK = [0, 64, 4 << 10, 64 << 10, 1 << 20, 16 << 20]
const FULL = [0, ...Array.from({ length: 27 }, (_, i) => 2 ** i)]
const ROUNDS = 9
/** Who takes longer for one message is spared the larger ones. */
const SLOW_US = 300_000
const WARM_BYTES = 4 << 10

export const size: Group = {
  id: "size",
  title: "Latency by size",
  how: "So many bytes there and back, one message at a time: of each slice (8 ms, one message at least; 10 ms with --quick) the median. One round after the other for each size; the first does not count. Who takes longer than 0.3 s for one message, by the median of the slices, is left out of the larger sizes.",
  async run(bench) {
    return await bench.with("all", async open => {
      const ms = bench.options.quick ? 10 : 8
      const slice = (bytes: number) => (subject: OpenSubject) => subject.work<Sampled>("sized", { bytes, ms })
      const capable = able(bench, open, ["echo"], "it echoes no bytes")
      let left = await warmUp(bench, capable, async subject => (await slice(WARM_BYTES)(subject)).quantiles.p50!)
      const made: Figure[] = []
      const sizes = bench.options.quick ? QUICK : FULL
      const seconds = bench.options.secondsPerGroup / sizes.length
      for (const bytes of sizes) {
        const words = `${bytes} bytes`
        // Does not count: what has this size first pays for it, in memory above all.
        left = survivors(left, await measureSlices(bench, left, done => done < 1, slice(bytes), words))
        const slices = await measureSlices(
          bench,
          left,
          plan(bench.options, { full: ROUNDS, seconds }),
          slice(bytes),
          words,
        )
        const p50 = valuesOf(slices, ({ quantiles }) => quantiles.p50)
        const head = { id: "size/p50", title: "Echo", unit: "us", better: "less" } as const
        const parameter = { name: "bytes", value: bytes }
        made.push(
          ...figures(
            { ...head, parameter },
            p50,
            sumOf(slices, ({ n }) => n),
          ),
        )
        left = survivors(left, slices)
        if (bytes !== sizes.at(-1)) left = quickEnough(bench, left, p50, bytes)
      }
      return made
    })
  },
}

function quickEnough(
  bench: Bench,
  subjects: readonly OpenSubject[],
  p50: ReadonlyMap<string, readonly (number | null)[]>,
  bytes: number,
): OpenSubject[] {
  return subjects.filter(({ name }) => {
    const usual = usually(p50.get(name) ?? [])
    if (usual <= SLOW_US) return true
    bench.note(name, `nothing beyond ${inBytes(bytes)}: one message of these took ${(usual / 1e6).toFixed(1)} s`)
    return false
  })
}

/** The median: one slice that something else held up says nothing of the subject. 0 where there is none. */
export function usually(values: readonly (number | null)[]): number {
  const own = values.filter(value => value !== null)
  return own.length === 0 ? 0 : quantile(own, 0.5)
}
