/** The section that compares with an older report. Owns its layout; the words are those of the terminal. */
import type { Comparison } from "../compare/compare.ts"
import {
  basisWords,
  chanceWords,
  figureWords,
  machineWords,
  sorted,
  tally,
  tooFew,
  verdictWords,
} from "../compare/words.ts"
import { list, Markup, table, tag } from "./elements.ts"

const COLUMNS = ["subject", "figure", "verdict (new to old, 95 %)", "compared"].map(title => ({ title, text: true }))

/** What changed first, the rest folded away. */
export function comparisonSection(comparison: Comparison): Markup {
  const { old, differences } = comparison
  const machine = machineWords(comparison)
  const few = tooFew(comparison)
  const intro = `With version ${old.version}, measured ${old.date}: `
  const differ = differences.length === 0 ? [] : [tag("p", {}, "What differs between the two:"), list(differences)]
  if (few !== undefined) return joined([tag("p", {}, intro + few), ...differ])
  const rows = (changed: boolean) =>
    sorted(comparison.verdicts)
      .filter(({ kind }) => (kind === "faster" || kind === "slower" || kind === "unsure") === changed)
      .map(verdict => ({
        cells: [
          verdict.subject,
          figureWords(verdict),
          tag("span", { class: verdict.kind }, verdictWords(verdict)),
          basisWords(verdict),
        ],
      }))
  const rest = rows(false)
  const parts = [
    ...(machine === undefined ? [] : [tag("div", { class: "warnings", role: "note" }, tag("strong", {}, machine))]),
    tag("p", {}, `${intro}${tally(comparison)}.`),
    tag(
      "p",
      {},
      "Slices of both reports are put to a rank test (Mann-Whitney), as ratios to the bare wire of the same run where there are any, with the false verdicts " +
        "among many held down (Benjamini-Hochberg); a change below 5 % (10 % where only absolute values could be compared) is not told. " +
        chanceWords(comparison),
    ),
    ...differ,
    table("Changes beyond the noise", COLUMNS, rows(true)),
    ...(rest.length === 0
      ? []
      : [
          tag("details", {}, [tag("summary", {}, `The other ${rest.length} figures`), table(undefined, COLUMNS, rest)]),
        ]),
  ]
  return joined(parts)
}

const joined = (parts: readonly Markup[]) => new Markup(parts.map(({ html }) => html).join(""))
