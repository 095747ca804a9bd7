/** What comes out of it, first: the headlines, then where ours is ahead and where another is, with the same words for both. */
import { parameterWords } from "../quantity.ts"
import type { Report, Subject } from "../report.ts"
import { type FigureSet, isContext, type Rivalry, rivalries, setsOf } from "../sets.ts"
import { isThread, SAME_PROCESS } from "../threads.ts"
import { CONFIDENCE, FEWEST_ROUNDS } from "../verdict.ts"
import { breakable, type Content, Markup, table, tag } from "./elements.ts"
import { headlines } from "./headlines.ts"
import { versusCell } from "./versus.ts"

/** Of a series, so many of its values: the first, the last, and some between. */
const VALUES = 4

interface Line {
  readonly words: string
  readonly standings: readonly Rivalry[]
}

/**
 * The headlines, then who is ahead where. Nothing but the headlines where ours was measured alone. Threads of one process are no rivals of
 * what has a wire: beside Slurm they are left out, on one machine they have a table of their own.
 */
export function summary(report: Report): Markup {
  const lines = report.groups
    .flatMap(setsOf)
    .filter(set => !isContext(set) && !isTail(set))
    .flatMap(linesOf)
  const wires = those(lines, subject => !isThread(subject))
  const threads = report.about.backend === "local" ? those(lines, isThread) : []
  return joined([headlines(report), contest(wires), ...(threads.length === 0 ? [] : [besideThreads(threads)])])
}

const joined = (parts: readonly Markup[]) => new Markup(parts.map(({ html }) => html).join(""))

/** The quantiles of one thing rise and fall together: it is counted once, by its median. */
const isTail = ({ id }: FigureSet) => /\/(p9[\d.]*|max)$/.test(id)

/** Of the lines what is against such subjects, without those that are empty then. */
function those(lines: readonly Line[], which: (subject: Subject) => boolean): Line[] {
  return lines
    .map(({ words, standings }) => ({ words, standings: standings.filter(({ subject }) => which(subject)) }))
    .filter(({ standings }) => standings.length > 0)
}

const subjectsOf = (lines: readonly Line[]) => [
  ...new Set(lines.flatMap(line => line.standings.map(({ subject }) => subject))),
]

const countOf = (lines: readonly Line[], kind: Rivalry["kind"]) =>
  lines.reduce((sum, { standings }) => sum + standings.filter(standing => standing.kind === kind).length, 0)

function contest(lines: readonly Line[]): Markup {
  const all = lines.reduce((sum, { standings }) => sum + standings.length, 0)
  if (all === 0)
    return tag("p", {}, "Nothing was measured beside slurm-flame in this run: there are no ratios to tell.")
  const total = tag("p", {}, [
    `In ${all} comparisons (the cells of the table below) slurm-flame is ahead in ${countOf(lines, "ahead")} and behind in ${countOf(lines, "behind")}: there `,
    `the whole interval of the median ratio (${CONFIDENCE * 100} %) lies on one side of 1. In ${countOf(lines, "near")} it does not, and there is no winner; in ${countOf(lines, "unsure")} `,
    `there were fewer than ${FEWEST_ROUNDS} rounds: no verdict. Of the verdicts one in twenty between equals is chance. Of each latency the median is compared; its tail is in the tables further below.`,
  ])
  return joined([
    total,
    extremes("Where another is ahead", lines, "behind"),
    extremes("Where slurm-flame is ahead", lines, "ahead"),
    matrix(lines, subjectsOf(lines)),
  ])
}

function besideThreads(lines: readonly Line[]): Markup {
  return joined([
    tag("h3", {}, "Beside threads of one process"),
    tag(
      "p",
      {},
      `These never leave the machine, nor the process (${SAME_PROCESS}): what slurm-flame takes more is the price of another process and of the wire to it. ` +
        `slurm-flame is ahead in ${countOf(lines, "ahead")} and behind in ${countOf(lines, "behind")}; neither is counted above.`,
    ),
    matrix(lines, subjectsOf(lines)),
  ])
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
    return { cells: [subject, String(found.length), most.words, versusCell(most.standing.figure, most.standing)] }
  })
  const columns = [
    { title: "", text: true },
    { title: "comparisons" },
    { title: "furthest apart in", text: true },
    { title: "there slurm-flame is" },
  ]
  if (rows.length === 0) return tag("p", {}, `${title}: nowhere in this run.`)
  return table(title, columns, rows)
}

function matrix(lines: readonly Line[], subjects: readonly Subject[]): Markup {
  return new Markup(
    tag("p", {}, [
      "How much faster or slower slurm-flame is than each of the others, or how much less or more it takes. ",
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
              return found === undefined
                ? ""
                : versusCell(found.figure, found, subjects.length > 5 ? "two lines" : undefined)
            }),
          ],
        })),
        "matrix",
      ).html,
  )
}
