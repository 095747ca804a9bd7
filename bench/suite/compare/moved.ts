/**
 * Whether the machine was the same in two runs, by what no change of ours can move: the bare wires. Owns when one of them has moved.
 * Their slices lie close within a run and far apart between two, as the machine's state (its clock, its caches, who else is on it) is
 * that of the run: a rank test of slices is sure of differences that are none of the program's.
 */
import type { Figure, Subject } from "../report.ts"
import type { Placed } from "./placed.ts"

/** What a ratio may be to, the best first: what no change of ours can move. */
export const BASES: readonly Subject[] = ["raw ws", "raw TCP"]

/** A bare wire that is this much faster or slower than it was is another machine. */
export const MOVED = 0.1

/** The larger of two wires' moves makes no ratio doubtful to which both agree, where the smaller one is below this. */
export const MOVED_LITTLE = 0.25

export interface Move {
  readonly id: string
  readonly subject: Subject
  readonly parameter?: Figure["parameter"]
  /** New / old. */
  readonly factor: number
}

/** How far apart, whichever way: 0.1 for both ×1.1 and ×1/1.1. */
export const size = (factor: number) => Math.max(factor, 1 / factor) - 1

/** What a wire has moved beside this figure; undefined where it was not measured there in both. */
export function moveOf(old: Placed, now: Placed, base: Subject): number | undefined {
  const [a, b] = [old.beside.get(base), now.beside.get(base)]
  if (a === undefined || b === undefined || a.unit !== b.unit) return undefined
  const factor = b.spread.median / a.spread.median
  return factor > 0 && Number.isFinite(factor) ? factor : undefined
}

/** Tails move from run to run on any machine, and the collector is no wire: they say nothing of the machine. */
const SAYS_NOTHING = /\/(p9[\d.]*|max|gc)$/

/** What the wires have moved by more than `MOVED`, the furthest first, and of how many figures. */
export function movesOf(
  before: ReadonlyMap<string, Placed>,
  after: ReadonlyMap<string, Placed>,
): { readonly moves: readonly Move[]; readonly of: number } {
  const all = [...after].flatMap(([key, now]): Move[] => {
    const old = before.get(key)
    const { id, subject, parameter } = now.figure
    if (old === undefined || !BASES.includes(subject) || SAYS_NOTHING.test(id)) return []
    const factor = moveOf(old, now, subject)
    return factor === undefined ? [] : [{ id, subject, factor, ...(parameter === undefined ? {} : { parameter }) }]
  })
  const moves = all.filter(({ factor }) => size(factor) > MOVED).sort((a, b) => size(b.factor) - size(a.factor))
  return { moves, of: all.length }
}
