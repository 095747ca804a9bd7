/**
 * Slurm's ways of writing time. Owns their parsing and nothing else: durations as users of this package write them are
 * shared/duration.ts, and whether a time is near is for others to judge.
 */

/**
 * A moment as squeue and scontrol print it (`2026-11-22T12:34:57`), in ms since the epoch. Slurm prints no zone, it uses
 * the caller's; the client therefore asks in UTC, which also has no hour that comes twice. `N/A`, `Unknown`, `NONE` and
 * anything else that is no moment give undefined.
 */
export function parseSlurmTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined
  const ms = Date.parse(`${text}Z`)
  return Number.isNaN(ms) ? undefined : ms
}

/**
 * A time limit as `sbatch --time` takes it, in ms: minutes, `M:S`, `H:M:S`, `D-H`, `D-H:M` or `D-H:M:S`. No limit
 * (`0`, `UNLIMITED`, `INFINITE`, `-1`) is `Infinity`; what sbatch would refuse is undefined.
 */
export function parseTimeLimit(text: string): number | undefined {
  if (/^(unlimited|infinite|-1|0)$/i.test(text)) return Number.POSITIVE_INFINITY
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text)
  if (!match) return undefined
  const [, days, first, second, third] = match
  const a = Number(first)
  const b = Number(second ?? 0)
  const c = Number(third ?? 0)
  // With a day in front the first number is hours; without, it is minutes unless all three are there.
  if (days !== undefined) return (Number(days) * 86_400 + a * 3_600 + b * 60 + c) * 1_000
  return (third === undefined ? a * 60 + b : a * 3_600 + b * 60 + c) * 1_000
}
