/**
 * RPC messages that hold nothing but primitives, as text: most arguments and results are, and to write them down costs a
 * fraction of what the codec's walk and JSON.stringify of the whole message do. Owns that shortcut; what it does not know goes
 * through the codec. The text is what the codec would have made.
 */
import { MARK, UNDEFINED } from "./codec/tags.ts"

/** Paths are few, and each is the same array at every call: their JSON is written once. */
const heads = new WeakMap<readonly string[], string>()

/** The request as text, or undefined when an argument is more than a primitive that JSON has a word for. */
export function requestText(id: number, path: readonly string[], args: readonly unknown[]): string | undefined {
  let list = ""
  for (let i = 0; i < args.length; i++) {
    const value = primitiveText(args[i])
    if (value === undefined) return undefined
    list += i === 0 ? `{"type":"RAW","value":${value}}` : `,{"type":"RAW","value":${value}}`
  }
  return `{"id":${id}${headOf(path)}${list}]}`
}

/** The answer as text, or undefined as above. */
export function answerText(id: number | string, value: unknown): string | undefined {
  const text = primitiveText(value)
  if (text === undefined) return undefined
  return `{"id":${typeof id === "number" ? id : JSON.stringify(id)},"type":"RAW","value":${text}}`
}

/** The answer of a function without a result. It holds one of the codec's markers. */
export function voidText(id: number | string): string {
  return `{"id":${typeof id === "number" ? id : JSON.stringify(id)},"type":"RAW","value":"${UNDEFINED}"}`
}

function headOf(path: readonly string[]): string {
  let head = heads.get(path)
  if (head === undefined) {
    head = `,"type":"APPLY","path":${JSON.stringify(path)},"argumentList":[`
    heads.set(path, head)
  }
  return head
}

function primitiveText(value: unknown): string | undefined {
  switch (typeof value) {
    case "number":
      // Not for NaN, the infinities and -0, which JSON has no words for.
      return value - value === 0 && (value !== 0 || 1 / value > 0) ? String(value) : undefined
    case "string":
      return value.charCodeAt(0) === MARK ? undefined : JSON.stringify(value)
    case "boolean":
      return value ? "true" : "false"
    case "object":
      return value === null ? "null" : undefined
    default:
      return undefined
  }
}
