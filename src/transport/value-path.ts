/** Where in the user's own terms a value stands: the codec sees the whole RPC message, the user gave arguments and a result. */
import { NotSerializableError } from "../shared/errors.ts"

/** The same error with `arguments[0].rows` or `result.rows` instead of the place inside the message. */
export function inUserTerms(error: unknown): unknown {
  if (!(error instanceof NotSerializableError)) return error
  const { path, hint, message, cause } = error
  const bare = hint === undefined ? message : message.slice(0, -`\n  hint: ${hint}`.length)
  return new NotSerializableError(rename(path), rename(bare), cause === undefined ? { hint } : { hint, cause })
}

function rename(text: string): string {
  return text.replace(/^value\.argumentList\[(\d+)\]\.value/, "arguments[$1]").replace(/^value\.value/, "result")
}
