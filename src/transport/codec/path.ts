/** Writes where in a value the encoder is, in the words of the language: `arguments[0].rows[3].fn`. Formatting only. */

/**
 * @param root what the whole value is called
 * @param holders the container at each level
 * @param trail the key, index or position within the container at each level; undefined where a level has none of its own
 * @param depth how many levels count
 */
export function formatPath(
  root: string,
  holders: readonly unknown[],
  trail: readonly unknown[],
  depth: number,
): string {
  let path = root
  for (let level = 0; level < depth; level++) path += step(holders[level], trail[level])
  return path
}

function step(holder: unknown, at: unknown): string {
  if (at === undefined) return ""
  if (holder instanceof Map) return mapStep(holder, at as number)
  if (holder instanceof Set) return `.values()[${String(at)}]`
  if (typeof at === "number") return `[${at}]`
  const key = String(at)
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** Positions in a Map count keys and values in turn. */
function mapStep(map: Map<unknown, unknown>, at: number): string {
  const entry = at >> 1
  if ((at & 1) === 0) return `.keys()[${entry}]`
  const key = [...map.keys()][entry]
  return typeof key === "string" || typeof key === "number" ? `.get(${JSON.stringify(key)})` : `.values()[${entry}]`
}
