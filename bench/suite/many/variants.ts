/**
 * Slices of several works of several subjects, all interleaved: what one round has is paired. Owns that a subject which fails is left out with all
 * its works, is told once, and that the others go on.
 */
import { quotients } from "../figure.ts"
import type { Bench } from "../group.ts"
import type { Figure, Spread } from "../report.ts"
import { interleave, type Measured, plan, warm } from "../rounds.ts"
import { spread } from "../statistics.ts"
import type { Stage } from "./stage.ts"

/** One work of one subject. */
export interface Variant<T> {
  /** Of all variants only this one: the key of its slices. */
  readonly name: string
  readonly stage: Stage
  measure(): Promise<T>
}

/** The most rounds of a group: beyond it a figure gets no surer. */
const ROUNDS = 25
/** The share of a group's time that its warm-up may have, and the slices that each variant gets of it at least and at most. */
const WARM = { share: 0.25, least: 3, most: 10 }

/**
 * Warms up, then runs rounds until the group's time is over.
 * @param ms how long one slice takes
 * @param value what has to be stable before it counts
 */
export async function measureVariants<T>(
  bench: Bench,
  variants: readonly Variant<T>[],
  ms: number,
  value: (slice: T) => number,
): Promise<Measured<T>> {
  const { options } = bench
  const out = new Map<Stage, unknown>()
  const failed = ({ stage }: Variant<T>, error: unknown) => {
    if (out.has(stage)) return
    out.set(stage, error)
    bench.skip(
      stage.name,
      `${error instanceof Error ? error.message : String(error)}; the rounds before are in the figures`,
    )
  }
  const slice = async (variant: Variant<T>): Promise<T> => {
    const before = out.get(variant.stage)
    if (before !== undefined) throw before
    return await variant.measure()
  }
  bench.progress("warming up")
  const most = warmSlices(options.secondsPerGroup, variants.length * ms)
  const ready = await warm(variants, most, async variant => value(await slice(variant)), failed)
  if (!options.quick && ready.unstable.length > 0) {
    bench.warn(
      `${ready.unstable.length} of ${variants.length} works were not stable after ${most} slices of warm-up: ${ready.unstable[0]}, for one`,
    )
  }
  const another = plan(options, { full: ROUNDS, seconds: options.secondsPerGroup * (1 - WARM.share) })
  const more = (done: number) => {
    const yes = another(done)
    if (yes) bench.progress(`round ${done + 1}`)
    return yes
  }
  return await interleave(ready.warm, more, slice, failed)
}

/** How many slices of warm-up each variant has. @param roundMs one slice of all of them */
export function warmSlices(seconds: number, roundMs: number): number {
  const fit = Math.floor((seconds * 1_000 * WARM.share) / roundMs)
  return Math.min(WARM.most, Math.max(WARM.least, fit))
}

/**
 * The same figures with their ratios, round by round, to those of others that measured the same: same id, same parameter.
 * @param bases whom a subject is compared with
 */
export function against(figures: readonly Figure[], bases: (subject: string) => readonly string[]): Figure[] {
  return figures.map(figure => {
    const found: Record<string, Spread> = {}
    for (const base of bases(figure.subject)) {
      const other = figures.find(
        one => one.subject === base && one.id === figure.id && one.parameter?.value === figure.parameter?.value,
      )
      const pairs = other === undefined || other === figure ? [] : quotients(figure, other)
      if (pairs.length > 0) found[base] = spread(pairs)
    }
    return Object.keys(found).length > 0 ? { ...figure, ratios: { ...figure.ratios, ...found } } : figure
  })
}
