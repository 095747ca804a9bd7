/** Pieces of a page: tables, paragraphs. Owns the syntax and the escaping: what is text comes in as text, what is markup as `Markup`. */
import { escaped } from "../plots/svg.ts"

/** Text that is markup already. */
export class Markup {
  readonly html: string
  constructor(html: string) {
    this.html = html
  }
}

export type Content = string | Markup | readonly (string | Markup)[]

/** Text is escaped, markup is not. */
export function html(content: Content): string {
  if (typeof content === "string") return escaped(content)
  return content instanceof Markup ? content.html : content.map(part => html(part)).join("")
}

/** An element. @param attributes escaped here; those that are undefined are left out */
export function tag(name: string, attributes: Readonly<Record<string, string | undefined>>, content: Content): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(value!)}"`)
    .join("")
  return new Markup(`<${name}${written}>${html(content)}</${name}>`)
}

/** A name that may be broken after what is no letter: for narrow columns. */
export function breakable(name: string): Markup {
  return new Markup(escaped(name).replaceAll("_", "_<wbr/>").replaceAll(".", ".<wbr/>"))
}

export interface Column {
  readonly title: Content
  /** Left, and may be broken: words. Numbers are neither. */
  readonly text?: boolean
}

export interface Row {
  readonly cells: readonly Content[]
  readonly name?: string | undefined
}

/** A table whose first column are the headers of its rows. @returns nothing for no rows */
export function table(
  caption: string | undefined,
  columns: readonly Column[],
  rows: readonly Row[],
  name?: string,
): Markup {
  if (rows.length === 0) return new Markup("")
  const kind = (i: number) => (columns[i]?.text ? "text" : undefined)
  const head = columns.map(({ title }, i) => tag("th", { scope: "col", class: i === 0 ? "text" : kind(i) }, title))
  const body = rows.map(row =>
    tag(
      "tr",
      { class: row.name },
      row.cells.map((cell, i) =>
        i === 0 ? tag("th", { scope: "row", class: kind(i) }, cell) : tag("td", { class: kind(i) }, cell),
      ),
    ),
  )
  const parts = [
    ...(caption === undefined ? [] : [tag("caption", {}, caption)]),
    ...(columns.every(({ title }) => title === "") ? [] : [tag("thead", {}, tag("tr", {}, head))]),
    tag("tbody", {}, body),
  ]
  return tag("div", { class: "scroll" }, tag("table", { class: name }, parts))
}

export function list(items: readonly Content[]): Markup {
  return items.length === 0
    ? new Markup("")
    : tag(
        "ul",
        {},
        items.map(item => tag("li", {}, item)),
      )
}
