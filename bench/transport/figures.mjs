/** Samples to rows of the table: a figure with its spread, its ratios to others of the same round, and what the bar says. */
import { ratios, spread } from "./statistics.mjs"

/**
 * One row.
 * @param row `what` is measured, of which `peer`, in which `unit`; `values` by round; `against`: name -> values of the same
 *   rounds; `bars`: `{ of, atMost | atLeast }`, where `of` names a ratio, or is left out for the figure itself; `beside`: more
 *   figures for people, name -> values; `why`: the reason when there are no values
 */
export function figure({ what, peer, unit, values, against = {}, bars = [], beside = {}, why }) {
  const row = { what, peer, unit, bars, bar: barText(bars, unit) }
  if (!values?.length) return { ...row, verdict: `not available${why ? `: ${why}` : ""}` }
  row.figure = spread(values)
  row.ratios = {}
  for (const [name, base] of Object.entries(against)) {
    if (base === undefined || name === peer) continue
    const pairs = ratios(values, base)
    if (pairs.length > 0) row.ratios[name] = spread(pairs)
  }
  row.beside = Object.fromEntries(Object.entries(beside).map(([name, list]) => [name, spread(list)]))
  row.verdict = verdict(row)
  row.samples = values
  return row
}

function verdict(row) {
  if (row.bars.length === 0) return ""
  const outcomes = row.bars.map(bar => {
    const measured = bar.of === undefined ? row.figure : row.ratios[bar.of]
    if (measured === undefined) return { missing: bar.of }
    const value = measured.median
    return { miss: !(bar.atMost === undefined ? value >= bar.atLeast : value <= bar.atMost), bar }
  })
  const missed = outcomes.filter(outcome => outcome.miss)
  if (missed.length > 0) return missed.length < row.bars.length ? `MISS (${barText(missed.map(m => m.bar))})` : "MISS"
  const missing = outcomes.filter(outcome => outcome.missing)
  return missing.length > 0 ? `not available: ${missing.map(m => m.missing).join(", ")}` : "ok"
}

function barText(bars, unit = "") {
  return bars
    .map(({ of, atMost, atLeast }) => {
      const limit = atMost === undefined ? `>= ${atLeast}` : `<= ${atMost}`
      return of === undefined ? `${limit} ${unit}`.trim() : `${limit}x ${of}`
    })
    .join(", ")
}
