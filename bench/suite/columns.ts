/** Rows of cells as lines of 100 columns at most. Owns the widths: a cell is never cut, and what has no room is in a block of its own below. */

export const WIDTH = 100

const INDENT = "    "
/** A longer name stands on a line of its own: it pushes nobody's columns. The second, where the columns have no room beside the first. */
const NAMES = [48, 24]
const GAP = 2

/** One line of a table. */
export interface Row {
  readonly name: string
  /** Of each column, right-aligned; one that is missing is empty. */
  readonly cells: readonly string[]
  /** Words of the row, in lines of their own below it. */
  readonly note?: string
}

export function columns(rows: readonly Row[]): string[] {
  const tried = NAMES.map(widest => layout(rows, widest))
  const { name, widths, blocks } = tried.find(one => one.blocks.length === 1) ?? tried.at(-1)!
  return blocks.flatMap(([from, to], block) =>
    rows.flatMap(row => {
      const cells = widths
        .slice(from, to)
        .map((width, at) => " ".repeat(GAP) + (row.cells[from + at] ?? "").padStart(width))
      const long = row.name.length > name
      const line = `${INDENT}${(long ? "" : row.name).padEnd(name)}${cells.join("")}`.trimEnd()
      return [
        ...(long ? wrap(`${INDENT}${row.name}`) : []),
        ...(line === "" ? [] : [line]),
        ...(block === 0 && row.note !== undefined ? wrap(`${INDENT}  ${row.note}`) : []),
      ]
    }),
  )
}

/** Whether all columns have room beside each other. */
export function fits(rows: readonly Row[]): boolean {
  return NAMES.some(widest => layout(rows, widest).blocks.length === 1)
}

function layout(rows: readonly Row[], widest: number) {
  const count = Math.max(0, ...rows.map(({ cells }) => cells.length))
  const widths = Array.from({ length: count }, (_, at) => Math.max(...rows.map(({ cells }) => cells[at]?.length ?? 0)))
  const name = Math.max(
    0,
    ...rows.flatMap(row => (row.cells.length > 0 ? row.name.length : [])).filter(length => length <= widest),
  )
  return { name, widths, blocks: blocksOf(widths, WIDTH - INDENT.length - name) }
}

/** Columns that have room beside each other: from, and up to. */
function blocksOf(widths: readonly number[], room: number): [from: number, to: number][] {
  const blocks: [number, number][] = []
  let from = 0
  let used = 0
  for (const [at, width] of widths.entries()) {
    if (at > from && used + GAP + width > room) {
      blocks.push([from, at])
      from = at
      used = 0
    }
    used += GAP + width
  }
  return [...blocks, [from, widths.length]]
}

/** Lines of 100 columns at most, broken between words; those after the first are further in. */
export function wrap(text: string): string[] {
  const indent = /^ */.exec(text)![0]
  const lines: string[] = []
  for (const word of text.trim().split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`${indent}${lines.length === 0 ? "" : "  "}${word}`)
  }
  return lines
}
