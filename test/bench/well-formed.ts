/** Whether markup that a reader of XML would take is what was written: tags balanced, attributes quoted, entities known. */

/** What is wrong with it, the first of it; undefined when nothing is. */
export function fault(markup: string): string | undefined {
  const open: string[] = []
  const rest = markup
    .replace(/<!DOCTYPE html>/, "")
    .replace(/<\?xml [^?]*\?>/, "")
    .replace(/<style>[^<]*<\/style>/, "")
  for (const [piece] of rest.matchAll(/<[^>]*>?|[^<]+/g)) {
    if (!piece.startsWith("<")) {
      const bare = piece.match(/&(?!(amp|lt|gt|quot|#39);).{0,20}|>/)
      if (bare) return `bare ${bare[0]} in ${piece.slice(0, 80)}`
      continue
    }
    const tag = piece.match(/^<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z][A-Za-z0-9:-]*="[^"<]*")*)\s*(\/?)>$/)
    if (!tag) return `no tag: ${piece.slice(0, 200)}`
    const [, end, name, attributes, alone] = tag
    if (/&(?!(amp|lt|gt|quot|#39);)/.test(attributes!)) return `bare & in ${piece.slice(0, 200)}`
    if (end) {
      const last = open.pop()
      if (last !== name) return `</${name}> ends <${last}>`
    } else if (!alone && name !== "meta") open.push(name!)
  }
  return open.length === 0 ? undefined : `<${open.at(-1)}> is never ended`
}

/** What a number that is none, or a value that is not there, becomes in a text. */
export const NOTHING = /\b(NaN|undefined|Infinity)\b|\[object/
