/** Figures of what idle runners and calls cost. Arithmetic alone. */
import { figures } from "../figures.ts"
import type { Figure, Subject } from "../report.ts"
import type { CpuSlice } from "../works/cpu.ts"
import type { IdleWatch, IdleWindow } from "./idle-parent.ts"

const DEFAULT_HEARTBEAT_MS = 5_000
/** Of one runner: two connections, and some for everything else. */
const FILES_EACH = 2
const FILES_LEFT = 200

/** As many as this process, and so its children, may have connections for. */
export function runnersFor(wanted: number, files: number | undefined): number {
  return files === undefined ? wanted : Math.max(1, Math.min(wanted, Math.floor((files - FILES_LEFT) / FILES_EACH)))
}

/** In % of one core. */
export const percent = ({ cpuMs, seconds }: { cpuMs: number; seconds: number }): number => cpuMs / seconds / 10

/** @param slices of the program with the runners, and of the one without, at the same time */
export function idleFigures(
  mine: Subject,
  runners: number,
  heartbeatMs: number,
  slices: readonly (readonly [IdleWindow, IdleWindow])[],
  watched: IdleWatch,
): Figure[] {
  const thousand = 1_000 / runners
  const values = (of: (full: IdleWindow, none: IdleWindow) => number) =>
    new Map([[mine, slices.map(([full, none]) => of(full, none) * thousand)]])
  // Another heartbeat, another figure: they are not to be compared.
  const parameter = { name: "heartbeat, s", value: heartbeatMs / 1_000 }
  const pinged = `${runners} runners; the default heartbeat is ${DEFAULT_HEARTBEAT_MS / 1_000} s, with fewer pings by that ratio`
  const n = () => slices.length * runners
  const less = { better: "less" } as const
  return [
    ...figures(
      { ...less, parameter, id: "cpu/idle", title: "CPU of a core for 1,000 idle runners", unit: "%", note: pinged },
      values((full, none) => percent(full) - percent(none)),
      n,
    ),
    ...figures(
      {
        ...less,
        id: "cpu/idle-memory",
        title: "Memory for 1,000 idle runners",
        unit: "MiB",
        note: `resident, ${runners} runners`,
      },
      values((full, none) => full.rssMiB - none.rssMiB),
      n,
    ),
    ...figures(
      {
        ...less,
        parameter,
        id: "cpu/idle-delay-p99",
        title: "Event-loop delay beside idle runners, p99",
        unit: "ms",
        note: `${pinged}; the longest was ${watched.maxMs.toFixed(1)} ms`,
      },
      new Map([[mine, [watched.p99Ms]]]),
      () => watched.samples,
    ),
  ]
}

/** A rate that was not held by so much is worth a word: the figure is per call all the same. */
const HELD = 0.95

export function callFigures(
  rate: number,
  slices: ReadonlyMap<Subject, readonly (CpuSlice | null)[]>,
  warn: (words: string) => void,
): Figure[] {
  for (const [subject, list] of slices) {
    const least = Math.min(...list.flatMap(slice => (slice ? [slice.calls / slice.seconds] : [])))
    if (least < rate * HELD) warn(`${subject} made ${Math.round(least)} calls a second at least where ${rate} were due`)
  }
  const values = (of: (slice: CpuSlice) => number) =>
    new Map([...slices].map(([subject, list]) => [subject, list.map(slice => (slice ? of(slice) : null))]))
  const n = (subject: Subject) => slices.get(subject)?.reduce((sum, slice) => sum + (slice?.calls ?? 0), 0) ?? 0
  const less = { better: "less" } as const
  return [
    ...figures(
      {
        ...less,
        id: "cpu/calls",
        title: "CPU of a core for 1,000 calls a second",
        unit: "%",
        note: `at ${rate} calls a second; threads of the same process are in it`,
      },
      values(perThousand),
      n,
    ),
    ...figures(
      { ...less, id: "cpu/calls-delay-p99", title: "Event-loop delay beside 1,000 calls a second, p99", unit: "ms" },
      values(slice => slice.delayP99Ms),
      subject => slices.get(subject)?.reduce((sum, slice) => sum + (slice?.delays ?? 0), 0) ?? 0,
    ),
  ]
}

/** In % of a core, for a thousand calls in a second: CPU time by the call, so that a rate that was not held does not flatter. */
export const perThousand = ({ cpuMs, idleCpuMs, calls }: CpuSlice): number =>
  calls === 0 ? 0 : ((cpuMs - idleCpuMs) / calls) * 100
