/** What a stream carries, against the same items with a call for each. */
import type { Bench, Group } from "../group.ts"
import { megabytesPerSecond } from "../many/arithmetic.ts"
import { gauge, rateFigures, type Slice } from "../many/slices.ts"
import { COMLINK, isOurs, oursFor, type Stage, threadsFor, withStages } from "../many/stage.ts"
import { against, measureVariants, type Variant } from "../many/variants.ts"
import type { Item, Way } from "../many/works.ts"
import type { Figure } from "../report.ts"

const CHUNK = 64 * 1_024
const WAYS: readonly Way[] = ["from", "to"]
const EACH = "a call each"

interface Load {
  readonly id: string
  readonly what: string
  readonly item: Item
}

const LOADS: readonly Load[] = [
  { id: "numbers", what: "Numbers", item: "number" },
  { id: "chunks", what: "Arrays of 64 KiB", item: { bytes: CHUNK } },
]

export const streams: Group = {
  id: "streams",
  alone: true,
  title: "Streams",
  how: `Small numbers, and byte arrays of 64 KiB, in a stream from the runner and in one to it, as fast as the reader takes them. "${EACH}" is what users do without a stream: an awaited call for each item, in the same rounds; Comlink has no streams and is there for that alone. Slices of 200 ms (80 ms with --quick).`,
  async run(bench) {
    const cast = new Map([...oursFor(bench, 1), [COMLINK, threadsFor(bench, 1)]])
    return await withStages(bench, cast, stages => measured(bench, stages))
  },
}

async function measured(bench: Bench, stages: readonly Stage[]): Promise<Figure[]> {
  const ms = bench.options.quick ? 80 : 200
  const kinds = WAYS.flatMap(way => LOADS.map(load => ({ way, ...load })))
  const variants = stages.flatMap(stage =>
    kinds.flatMap(({ id, way, item }): Variant<Slice>[] => {
      const calls = {
        name: `${id}-${way}: ${stage.name}, ${EACH}`,
        stage,
        measure: () => stage.do("calls", { way, item, ms }),
      }
      const stream = {
        name: `${id}-${way}: ${stage.name}`,
        stage,
        measure: () => stage.do("stream", { way, item, ms }),
      }
      return stage.kind === "wire" ? [stream, calls] : [calls]
    }),
  )
  const slices = await measureVariants(bench, variants, ms, gauge)
  const made = kinds.flatMap(({ id, what, way, item }) => {
    const head = { id: `streams/${id}-${way}`, title: `${what} ${way} the runner` }
    return item === "number"
      ? rateFigures({ ...head, unit: "items/s" }, slices, `${id}-${way}: `)
      : rateFigures({ ...head, unit: "MB/s" }, slices, `${id}-${way}: `, count => megabytesPerSecond(count, item.bytes))
  })
  return against(made, subject => (isOurs(subject) ? [`${subject}, ${EACH}`, `${COMLINK}, ${EACH}`] : []))
}
