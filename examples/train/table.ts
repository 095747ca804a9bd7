/** Text tables for the terminal. Owns the alignment of columns; knows nothing of what is in them. */

/** A column: its heading, and how to write a row's value. Numbers want `right`. */
export interface Column<Row> {
  readonly title: string
  readonly align?: "left" | "right"
  readonly value: (row: Row) => string
}

/** The table as lines: headings, a rule, one line per row. Columns are as wide as their widest value. */
export function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = [columns.map(column => column.title), ...rows.map(row => columns.map(column => column.value(row)))]
  const widths = columns.map((_, at) => Math.max(...cells.map(line => line[at]!.length)))
  const line = (values: readonly string[]) =>
    values
      .map((value, at) => (columns[at]!.align === "right" ? value.padStart(widths[at]!) : value.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd()
  const [head, ...body] = cells.map(line)
  return [head!, widths.map(width => "─".repeat(width)).join("  "), ...body]
}

/** `0.9414` as `94.1 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** `1 runner`, `2 runners`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`
}

/** Numbers as a row of bars, the largest the tallest: a curve in one line. Empty for no numbers. */
export function sparkline(values: readonly number[]): string {
  const bars = "▁▂▃▄▅▆▇█"
  const max = Math.max(...values)
  return values.map(value => bars[Math.round((value / max) * (bars.length - 1))] ?? bars[0]).join("")
}
