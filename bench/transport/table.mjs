/** Rows as text. Owns columns and digits; knows nothing of what they mean. */

/** @returns lines, the first one the heading; a ratio is "median (p25-p75)" */
export function table(rows) {
  const cells = rows.map(row => [
    row.what,
    row.peer,
    row.figure ? `${digits(row.figure.median)} ${row.unit}` : "-",
    Object.entries(row.beside ?? {})
      .map(([name, s]) => `${name} ${digits(s.median)}`)
      .join(" "),
    Object.entries(row.ratios ?? {})
      .map(([name, s]) => `${s.median.toFixed(2)}x ${name} (${s.p25.toFixed(2)}-${s.p75.toFixed(2)})`)
      .join("  ") || (row.figure ? `(${digits(row.figure.p25)}-${digits(row.figure.p75)})` : ""),
    row.figure ? String(row.figure.n) : "",
    row.bar,
    row.verdict,
  ])
  const all = [["what", "peer", "median", "beside", "ratio (p25-p75)", "n", "bar", ""], ...cells]
  const widths = all[0].map((_, i) => Math.max(...all.map(line => line[i].length)))
  return all.map(line =>
    line
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd(),
  )
}

function digits(value) {
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US")
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
