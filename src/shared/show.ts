/** A value of the user's in a message: whatever it is, showing it does not throw. */
import { inspect } from "node:util"

/** One short line: text in double quotes, anything else as the console shows it. */
export function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 0, breakLength: Infinity })
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
