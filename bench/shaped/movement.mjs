/** Reports of the suite over wires of different latency, as one table. Owns how ratios are laid side by side; measures nothing. */

/** The figures worth following, of the groups that are run: id (all that begin with it, where it ends with a slash), and what a row says of it where not the title. */
const FOLLOWED = [{ id: "small/p50", words: "small call, p50" }, { id: "rate/closed" }, { id: "bandwidth/" }]
const BASES = ["raw TCP", "raw ws"]

/**
 * One row for each figure, subject and base, in the order of the first report that has it.
 * @param {readonly { shape: string, report: object }[]} runs one report for each shape of the wire
 * @returns {{ figure: string, subject: string, unit: string, base: string | null, cells: ({ value: number, n: number, slices: number } | null)[] }[]}
 *   `base` is null for the figure itself (rows of the bare wire alone), else cells are ratios to it
 */
export function movement(runs) {
  const rows = new Map()
  runs.forEach(({ report }, column) => {
    for (const figure of report.groups.flatMap(group => group.figures)) {
      const words = wordsFor(figure)
      if (words === undefined) continue
      const bare = BASES.includes(figure.subject)
      if (bare) put(null, figure.spread)
      else for (const base of BASES) if (figure.ratios?.[base]) put(base, figure.ratios[base])

      function put(base, spread) {
        const key = JSON.stringify([figure.id, figure.parameter?.value, figure.subject, base])
        if (!rows.has(key)) {
          const { subject, unit } = figure
          rows.set(key, { figure: words, subject, unit, base, cells: runs.map(() => null) })
        }
        rows.get(key).cells[column] = { value: spread.median, n: figure.n, slices: spread.n }
      }
    }
  })
  return [...rows.values()]
}

function wordsFor({ id, title, parameter }) {
  const followed = FOLLOWED.find(one => (one.id.endsWith("/") ? id.startsWith(one.id) : id === one.id))
  if (!followed) return undefined
  const words = followed.words ?? title
  return parameter === undefined ? words : `${words}, ${parameter.name} ${parameter.value}`
}

/** The table as lines of text: first the bare wire in its own unit, then each ratio. `-` where that report has none. */
export function movementLines(runs) {
  const rows = movement(runs).sort((a, b) => Number(a.base !== null) - Number(b.base !== null))
  const head = ["", "", ...runs.map(({ shape }) => shape)]
  const body = rows.map(({ figure, subject, unit, base, cells }) => [
    figure,
    base === null ? `${subject}, ${unit}` : `${subject} / ${base}`,
    ...cells.map(cell => (cell === null ? "-" : number(cell.value))),
  ])
  const lines = [head, ...body]
  const wide = head.map((_, column) => Math.max(...lines.map(line => line[column].length)))
  return lines.map(line =>
    line
      .map((cell, column) => (column < 2 ? cell.padEnd(wide[column]) : cell.padStart(wide[column])))
      .join("  ")
      .trimEnd(),
  )
}

const number = value => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
