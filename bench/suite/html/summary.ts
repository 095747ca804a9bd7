/** What comes out of it, first: where ours is ahead and where another is, figure by figure, with the same words for both. */
import { change, parameterWords, times } from "../quantity.ts"
import type { Report, Subject } from "../report.ts"
import { type FigureSet, isContext, type Rivalry, rivalries, setsOf } from "../sets.ts"
import { CONFIDENCE, FEWEST_ROUNDS } from "../verdict.ts"
import { breakable, type Content, Markup, table, tag } from "./elements.ts"

/** Of a series, so many of its values: the first, the last, and some between. */
const VALUES = 4

interface Line {
  readonly words: string
  readonly standings: readonly Rivalry[]
}

/** The headline ratios as sentences and as a matrix. Nothing where ours was measured alone. */
export function summary(report: Report): Markup {
  const lines = report.groups
    .flatMap(setsOf)
    .filter(set => !isContext(set))
    .flatMap(linesOf)
    .filter(line => line.standings.length > 0)
  const all = lines.flatMap(line => line.standings)
  if (all.length === 0)
    return tag("p", {}, "Nothing was measured beside slurm-flame in this run: there are no ratios to tell.")
  const count = (kind: Rivalry["kind"]) => all.filter(standing => standing.kind === kind).length
  const subjects = [...new Set(all.map(standing => standing.subject))]
  const total = tag("p", {}, [
    `In ${all.length} comparisons (the rows and columns below) slurm-flame is ahead in ${count("ahead")} and behind in ${count("behind")}: there `,
    `the whole interval of the median ratio (${CONFIDENCE * 100} %) lies on one side of 1. In ${count("near")} it does not, and there is no winner; in ${count("unsure")} `,
    `there were fewer than ${FEWEST_ROUNDS} rounds, or it is a tail, which is of all calls together: no verdict. Of the verdicts one in twenty between equals is chance.`,
  ])
  return new Markup(
    [
      total,
      extremes("Where another is ahead", lines, "behind"),
      extremes("Where slurm-flame is ahead", lines, "ahead"),
      matrix(lines, subjects),
    ]
      .map(({ html }) => html)
      .join(""),
  )
}

function linesOf(set: FigureSet): Line[] {
  if (set.parameter === undefined) return [{ words: set.title, standings: rivalries(set) }]
  const last = set.values.length - 1
  const steps = Math.min(VALUES - 1, last)
  const chosen = [
    ...new Set(Array.from({ length: steps + 1 }, (_, i) => set.values[Math.round((i * last) / (steps || 1))]!)),
  ]
  return chosen.map(value => {
    return {
      words: `${set.title}, ${parameterWords(set.parameter!, value)}`,
      standings: rivalries(set, value),
    }
  })
}

/** For each other subject one line: in how many figures, and where the distance is largest. */
function extremes(title: string, lines: readonly Line[], kind: "ahead" | "behind"): Markup {
  const by = new Map<Subject, { words: string; standing: Rivalry }[]>()
  for (const { words, standings } of lines) {
    for (const standing of standings) {
      if (standing.kind === kind) by.set(standing.subject, [...(by.get(standing.subject) ?? []), { words, standing }])
    }
  }
  const far = ({ advantage }: Rivalry) => Math.abs(Math.log(advantage))
  const rows = [...by].map(([subject, found]) => {
    const most = found.reduce((a, b) => (far(b.standing) > far(a.standing) ? b : a))
    return { cells: [subject, String(found.length), most.words, cell(most.standing)] }
  })
  const columns = [
    { title: "", text: true },
    { title: "figures" },
    { title: "most of all", text: true },
    { title: "slurm-flame is" },
  ]
  if (rows.length === 0) return tag("p", {}, `${title}: nowhere in this run.`)
  return table(title, columns, rows)
}

function matrix(lines: readonly Line[], subjects: readonly Subject[]): Markup {
  return new Markup(
    tag("p", {}, [
      "What slurm-flame is in relation to each of the others: how many times as fast (or as sparing) it is, or as slow. ",
      "Medians of ratios within the same rounds, ",
      tag("span", { class: "ahead" }, "ahead"),
      ", ",
      tag("span", { class: "behind" }, "behind"),
      ", ",
      tag("span", { class: "near" }, "no winner, or no verdict"),
      ".",
    ]).html +
      table(
        undefined,
        [{ title: "slurm-flame against", text: true }, ...subjects.map(subject => ({ title: breakable(subject) }))],
        lines.map(({ words, standings }) => ({
          cells: [
            words,
            ...subjects.map((subject): Content => {
              const found = standings.find(standing => standing.subject === subject)
              return found === undefined ? "" : cell(found, subjects.length > 5 ? "two lines" : undefined)
            }),
          ],
        })),
        "matrix",
      ).html,
  )
}

/** `1.8× better`, `2.1× worse`; what is close is said in percent. */
function cell({ advantage: median, kind }: Rivalry, layout?: "two lines"): Markup {
  const factor = Math.max(median, 1 / median)
  const size = factor < 1.1 ? change(factor).replace("+", "") : times(factor)
  const word = median >= 1 ? "better" : "worse"
  const open = kind === "near" || kind === "unsure"
  if (open && factor < 1.005) return tag("span", { class: "near" }, "same")
  return tag(
    "span",
    { class: open ? "near" : kind },
    layout === undefined ? `${size} ${word}` : [size, tag("span", { class: "line" }, word)],
  )
}
