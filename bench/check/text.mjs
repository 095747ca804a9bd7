/** Judged bars as text: the table, and a line for each miss. Owns columns and digits alone. */

/** @returns lines, the first one the heading */
export function table(rows) {
  const cells = rows.map(row => [
    row.what,
    row.subject,
    row.base ? `/ ${row.base}` : row.unit,
    barOf(row),
    row.median === undefined ? "-" : digits(row.median),
    row.median === undefined ? "" : rangeOf(row),
    row.n > 0 ? String(row.n) : "",
    [row.verdict, row.why].filter(Boolean).join(": "),
  ])
  const all = [["what", "subject", "as", "bar", "median", "95 % interval", "n", ""], ...cells]
  const widths = all[0].map((_, i) => Math.max(...all.map(line => line[i].length)))
  return all.map(line =>
    line
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd(),
  )
}

/** A line for each miss, with what is known of it; then one for each that is known to be missed and was met this time. */
export function remarks(rows) {
  const measured = row =>
    `${digits(row.median)}${row.base ? `x ${row.base}` : ` ${row.unit}`} (${rangeOf(row)}, n ${row.n})`
  const name = row => `${row.what}: ${row.subject}`
  return [
    ...rows
      .filter(row => row.verdict === "MISS")
      .map(row => {
        const reason = row.known ? `known: ${row.known}` : "NOT a known miss"
        return `MISS  ${name(row)} ${measured(row)}, bar ${barOf(row)} [${row.from}]; ${reason}`
      }),
    ...rows
      .filter(row => row.verdict === "ok" && row.known)
      .map(row => `met   ${name(row)} ${measured(row)}, bar ${barOf(row)}, though known to be missed (${row.known})`),
  ]
}

/** "12 ok, 3 MISS, …" of those verdicts that there are. */
export function totals(rows) {
  const count = word => rows.filter(row => row.verdict === word).length
  const words = ["ok", "MISS", "within noise", "not available"].filter(word => word === "ok" || count(word) > 0)
  return words.map(word => `${count(word)} ${word}`).join(", ")
}

const barOf = ({ atMost, atLeast }) => (atMost === undefined ? `>= ${atLeast}` : `<= ${atMost}`)
const rangeOf = row => `${digits(row.low)} to ${digits(row.high)}`

function digits(value) {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
