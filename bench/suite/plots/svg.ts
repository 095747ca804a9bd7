/** SVG as text: elements, escaping, and how wide a text will be. Owns the syntax alone: knows no axis and no figure. */

type Attributes = Readonly<Record<string, string | number | undefined>>

/** For text and for attributes, in SVG and in HTML alike. What XML does not allow at all becomes a replacement character. */
export function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go: a viewer of XML stops at the first of them
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/"/g, "&quot;")
      .replace(/'/g, "&#39;")
  )
}

/**
 * An element. Children are markup already; attributes are escaped here, numbers rounded to a hundredth.
 * @throws RangeError for a number that is none: a plot with NaN in it shows nothing, and says nothing of it
 */
export function el(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? px(value) : escaped(String(value))}"`)
    .join("")
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join("")}</${name}>`
}

/** A coordinate. @throws RangeError when it is not finite */
export function px(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`a plot was given the coordinate ${value}`)
  return String(Math.round(value * 100) / 100)
}

/** A line of text. `at`: its baseline. */
export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return el("text", { x, y, ...attributes }, escaped(content))
}

/** The width of a text in a sans serif font, from above: there is no font to ask. */
export function widthOf(content: string, size = 12): number {
  let wide = 0
  for (const character of content) wide += /[\u1100-\uffff]|[\u{10000}-\u{10ffff}]/u.test(character) ? 1.05 : 0.59
  return wide * size
}

/** At most `most` characters: what is too long loses its middle, as names differ at their ends. */
export function shorten(content: string, most: number): string {
  const characters = [...content]
  if (characters.length <= most) return content
  const head = Math.ceil((most - 1) * 0.6)
  return `${characters.slice(0, head).join("")}…${characters.slice(characters.length - (most - 1 - head)).join("")}`
}

/** Lines of at most `most` characters, broken at blanks; a word that is longer is shortened. */
export function wrap(content: string, most: number): string[] {
  const lines: string[] = []
  for (const word of content.split(/\s+/).filter(part => part !== "")) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(shorten(word, most))
  }
  return lines
}

/** The whole picture: white paper, so that it is the same on a dark page, and a title and a description for who cannot see it. */
export function picture(
  size: { width: number; height: number },
  title: string,
  description: string,
  body: string,
): string {
  const { width, height } = size
  return el(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${px(width)} ${px(height)}`,
      width,
      height,
      role: "img",
      "font-family": "Helvetica, Arial, 'Liberation Sans', sans-serif",
      "font-size": 12,
      fill: "#222222",
    },
    el("title", {}, escaped(title)),
    el("desc", {}, escaped(description)),
    el("rect", { width, height, fill: "#ffffff" }),
    body,
  )
}
