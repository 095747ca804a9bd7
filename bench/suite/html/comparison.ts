/** The section that compares with an older report. Owns its layout; the words are those of the terminal. */
import { type Comparison, FALSE_RATE } from "../compare/compare.ts"
import { basisWords, figureWords, sorted, tally, verdictWords } from "../compare/words.ts"
import { list, Markup, table, tag } from "./elements.ts"

const COLUMNS = ["subject", "figure", "verdict (new to old, 95 %)", "compared"].map(title => ({ title, text: true }))

/** What changed first, the rest folded away. */
export function comparisonSection(comparison: Comparison): Markup {
  const { old, tested, differences } = comparison
  const rows = (changed: boolean) =>
    sorted(comparison.verdicts)
      .filter(({ kind }) => (kind === "faster" || kind === "slower") === changed)
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
    tag("p", {}, `With version ${old.version}, measured ${old.date}: ${tally(comparison)}.`),
    tag(
      "p",
      {},
      `Slices of both reports are put to a rank test (Mann-Whitney), as ratios to the bare wire of the same run where there are any; ` +
        `${tested} figures were tested at once, with ${100 * FALSE_RATE} verdicts in a hundred at most left to chance (Benjamini-Hochberg), and a change below 5 % ` +
        `(10 % where only absolute values could be compared) is not told. Two runs of one program may differ by more than their slices show.`,
    ),
    ...(differences.length === 0 ? [] : [tag("p", {}, "What differs between the two:"), list(differences)]),
    table("Changes beyond the noise", COLUMNS, rows(true)),
    ...(rest.length === 0
      ? []
      : [
          tag("details", {}, [tag("summary", {}, `The other ${rest.length} figures`), table(undefined, COLUMNS, rest)]),
        ]),
  ]
  return new Markup(parts.map(({ html }) => html).join(""))
}
