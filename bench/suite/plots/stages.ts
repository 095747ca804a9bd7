/** What follows one another, as bars of parts. Owns which figures of a group are its stages. */
import { figureValue } from "../figure.ts"
import { parameterWords, quantity } from "../quantity.ts"
import type { GroupReport } from "../report.ts"
import { type FigureSet, find } from "../sets.ts"
import { fileName, type Plot } from "./plot.ts"
import { barsPlot } from "./rows.ts"

/** What follows one another and adds up: all that stands beside a `…/total`, in its unit. */
export function stagesOf(sets: readonly FigureSet[]): FigureSet[] {
  const total = sets.find(set => set.id.endsWith("/total"))
  if (total === undefined) return []
  const prefix = total.id.slice(0, -"total".length)
  return sets.filter(set => set !== total && set.id.startsWith(prefix) && set.first.unit === total.first.unit)
}

/** One bar for each subject, or for each value of the parameter, of the medians of its stages. */
export function stagePlots(group: GroupReport, stages: readonly FigureSet[]): Plot[] {
  if (stages.length < 2) return []
  const { unit } = stages[0]!.first
  const subjects = [...new Set(stages.flatMap(set => set.subjects))]
  const values = [
    ...new Set(
      stages.flatMap((set): (number | undefined)[] => (set.values.length === 0 ? [undefined] : [...set.values])),
    ),
  ]
  const rows = subjects.flatMap(subject =>
    values.map(value => {
      const medians = stages.map(set => {
        const figure = find(set, subject, value)
        return figure ? figureValue(figure) : 0
      })
      const sum = medians.reduce((a, b) => a + b, 0)
      const parameter = stages.find(set => set.parameter !== undefined)?.parameter
      const at = value === undefined || parameter === undefined ? "" : `, ${parameterWords(parameter, value)}`
      return { name: `${subject}${at}`, values: medians, words: quantity(sum, unit) }
    }),
  )
  const title = /stages/i.test(group.title) ? group.title : `${group.title}: stages`
  const options = {
    title,
    description: `Stacked bars of the stages ${stages.map(set => set.title).join(", ")}.`,
    xLabel: "time since the order",
    tick: (value: number) => quantity(value, unit),
  }
  return [
    {
      name: fileName(group.id, "stages"),
      caption: `${title}: medians, one after the other; the number on the right is their sum.`,
      svg: barsPlot(
        rows,
        stages.map(set => set.title.replace(/^.*: /, "")),
        options,
      ),
    },
  ]
}
