/** Durations as users write them: milliseconds, `'30s'`, or Slurm's own `[days-]hours:minutes:seconds`. */
import { OptionError } from "./errors.ts"
import { show } from "./show.ts"

/** Milliseconds, or `'250ms' | '30s' | '5m' | '2h' | '1d'`, or Slurm's `'MM:SS' | 'HH:MM:SS' | 'D-HH:MM:SS'`. */
export type Duration =
  | number
  | `${number}${"ms" | "s" | "m" | "h" | "d"}`
  | `${number}:${number}`
  | `${number}:${number}:${number}`
  | `${number}-${number}:${number}:${number}`

/** No limit. */
export type Infinite = "infinity" | typeof Infinity

const UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Node truncates a longer timer to 1 ms; a duration beyond it is used through `Deadline`, which re-arms. */
export const MAX_TIMER_MS = 2_147_483_647

/**
 * A duration in milliseconds, `Infinity` where `infinity` is given.
 * @throws OptionError naming `option` when the text is no duration, or negative.
 */
export function toMs(value: Duration | Infinite, option: string): number {
  const ms = typeof value === "number" ? value : value === "infinity" ? Number.POSITIVE_INFINITY : parse(value)
  if (Number.isNaN(ms) || ms < 0) {
    throw new OptionError(option, `\`${option}\` is not a duration: ${show(value)}`, {
      hint: "give milliseconds (30000), '30s', '5m', '2h', or Slurm's '1-12:00:00'",
    })
  }
  return ms
}

function parse(value: unknown): number {
  if (typeof value !== "string") return Number.NaN
  const unit = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value)
  if (unit) return Number(unit[1]) * UNIT[unit[2] as keyof typeof UNIT]
  const clock = /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$/.exec(value)
  if (!clock) return Number.NaN
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = clock
  return Number(days) * UNIT.d + Number(hours) * UNIT.h + Number(minutes) * UNIT.m + Number(seconds) * UNIT.s
}

/** `61_000` as `1m1s`, for messages. */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return "infinity"
  if (ms < 1_000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 1_000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor((seconds % 86_400) / 3_600), "h"],
    [Math.floor((seconds % 3_600) / 60), "m"],
    [seconds % 60, "s"],
  ]
  return parts
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n}${unit}`)
    .join("")
}
