/** A comparison in words, for the terminal and for the page. Owns the wording alone. */
import { change, parameterWords } from "../quantity.ts"
import { type Comparison, FALSE_RATE, moveWords, TOO_FEW, type Verdict, type VerdictKind } from "./compare.ts"
import { MOVED } from "./moved.ts"
import { FEWEST } from "./two-samples.ts"

const ORDER: readonly VerdictKind[] = ["slower", "faster", "unsure", "same", "not-comparable", "only-new", "only-old"]

/** `faster: +24 % (+20 % to +28 %)`, `no difference beyond the noise (±3 %)`, … */
export function verdictWords(verdict: Verdict): string {
  switch (verdict.kind) {
    case "faster":
    case "slower":
      return `${verdict.kind}: ${change(verdict.factor!)} (${change(verdict.low!)} to ${change(verdict.high!)})`
    case "same":
      return `no difference beyond the noise (${noise(verdict)})`
    case "unsure":
      return `unsure (${change(verdict.factor!)}): ${verdict.why}`
    case "only-old":
      return "only in the old report"
    case "only-new":
      return "only in the new report"
    case "not-comparable":
      return `not comparable: ${verdict.why}`
  }
}

/** Half of the interval, on the scale of factors. What is less than this could not have been seen. */
function noise({ low, high }: Verdict): string {
  const half = Math.sqrt(high! / low!) - 1
  return half > 1
    ? `a factor of ${(1 + half).toPrecision(2)} either way`
    : `±${(half * 100).toFixed(half < 0.1 ? 1 : 0)} %`
}

/** What it was compared by. */
export function basisWords({ basis }: Verdict): string {
  if (basis === undefined) return ""
  return basis.kind === "ratio" ? `as a ratio to ${basis.to}` : "absolute: weaker, the machine is in it"
}

/** Its title with the parameter: `Latency by size, 64 KiB`. */
export function figureWords({ title, parameter }: Pick<Verdict, "title" | "parameter">): string {
  if (parameter === undefined) return title
  return `${title}, ${parameterWords(parameter.name, parameter.value)}`
}

/** The verdicts, the worst first; those of a kind stay in their order. */
export function sorted(verdicts: readonly Verdict[]): Verdict[] {
  return ORDER.flatMap(kind => verdicts.filter(verdict => verdict.kind === kind))
}

/** `2 slower, 1 faster, 97 without a difference beyond the noise, …` */
export function tally(comparison: Comparison): string {
  const count = (kind: VerdictKind) => comparison.verdicts.filter(verdict => verdict.kind === kind).length
  const parts = [
    [count("slower"), "slower"],
    [count("faster"), "faster"],
    [count("unsure"), "unsure (the machine moved)"],
    [count("same"), "without a difference beyond the noise"],
    [count("not-comparable"), "not comparable"],
    [count("only-new"), "only in the new report"],
    [count("only-old"), "only in the old report"],
  ] as const
  return parts
    .filter(([n], i) => n > 0 || i < 2)
    .map(([n, words]) => `${n} ${words}`)
    .join(", ")
}

/** Why figures were not compared, each reason once: there may be one for all of them. */
function reasons(verdicts: readonly Verdict[]): string[] {
  const by = new Map<string, Verdict[]>()
  for (const verdict of verdicts) {
    if (verdict.why === undefined || verdict.kind === "unsure") continue
    // How many there were differs from figure to figure, and is not the matter.
    const why = verdict.why.startsWith(TOO_FEW) ? tooFewWords() : verdict.why
    by.set(why, [...(by.get(why) ?? []), verdict])
  }
  return [...by].map(([why, [first, ...others]]) => {
    const more = others.length === 0 ? "" : ` and ${others.length} more`
    return `  not comparable: ${first!.subject}, ${figureWords(first!)}${more}: ${why}`
  })
}

/** Why nothing was tested at all, where few slices are all there is to it: one line for all of it. */
export function tooFew({ tested, verdicts }: Comparison): string | undefined {
  if (tested > 0 || !verdicts.some(({ why }) => why?.startsWith(TOO_FEW))) return undefined
  return `nothing was compared: ${tooFewWords()}. Measure both without --quick, or longer.`
}

const tooFewWords = () => `${TOO_FEW} (${FEWEST} in each report are the least that can say anything)`

/** So many of the wires' moves are told by name. */
const TOLD = 3

/** That the machine was another one, by what moved the furthest; nothing where it was the same. */
export function machineWords({ moves, movesOf }: Comparison): string | undefined {
  if (moves.length === 0) return undefined
  const more = moves.length > TOLD ? `; and ${moves.length - TOLD} more` : ""
  const told = moves.slice(0, TOLD).map(moveWords).join("; ")
  return (
    `The machine was not the same in both: ${told}${more} (${moves.length} of ${movesOf} figures of the bare wires moved by more than ` +
    `${MOVED * 100} %). No absolute values are compared, and a ratio to a wire that moved is no verdict.`
  )
}

/** What chance there is in the verdicts, and what there is beside it. */
export function chanceWords({ tested }: Comparison): string {
  return (
    `${tested} figures were tested at once. By the noise between slices of one run, ${100 * FALSE_RATE} in a hundred of the verdicts may be chance; ` +
    "two runs of the same program differ by more than their slices tell. Measure both once more before you believe a verdict."
  )
}

/** The whole comparison as lines for a terminal. What did not change is counted, and listed with `everything`. */
export function comparisonText(comparison: Comparison, options: { everything?: boolean } = {}): string {
  const { old, new: now } = comparison
  const shown = sorted(comparison.verdicts).filter(
    ({ kind }) => options.everything || kind === "faster" || kind === "slower" || kind === "unsure",
  )
  const rows = shown.map(verdict => [verdict.subject, figureWords(verdict), verdictWords(verdict), basisWords(verdict)])
  const widths = [0, 1, 2].map(column => Math.max(0, ...rows.map(row => row[column]!.length)))
  const machine = machineWords(comparison)
  const few = tooFew(comparison)
  return [
    `Compared with ${old.version} of ${old.date} (this one: ${now.version} of ${now.date})`,
    ...(machine === undefined || few !== undefined ? [] : [`  ${machine}`]),
    ...comparison.differences.map(words => `  differs: ${words}`),
    ...(few !== undefined
      ? [`  ${few}`]
      : [
          ...rows.map(row => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd()),
          ...reasons(comparison.verdicts),
          `  ${tally(comparison)}`,
          ...(comparison.tested === 0 ? [] : [`  ${chanceWords(comparison)}`]),
        ]),
  ].join("\n")
}
