/** Where in the user's own terms a value stands: the codec sees a whole message, the user gave arguments, a result, an item. */
import { NotSerializableError } from "../shared/errors.ts"

/** The beginnings of paths inside our messages, and what the user calls that place. */
export type PathNames = readonly (readonly [inMessage: RegExp, inUserTerms: string])[]

const RPC: PathNames = [
  [/^value\.argumentList\[(\d+)\]\.value/, "arguments[$1]"],
  [/^value\.value/, "result"],
]

/** The same error with `arguments[0].rows` or `result.rows` instead of the place inside the message (an RPC one by default). */
export function inUserTerms(error: unknown, names: PathNames = RPC): unknown {
  if (!(error instanceof NotSerializableError)) return error
  const { path, hint, message, cause } = error
  const bare = hint === undefined ? message : message.slice(0, -`\n  hint: ${hint}`.length)
  const init = cause === undefined ? { hint } : { hint, cause }
  return new NotSerializableError(rename(path, names), rename(bare, names), init)
}

function rename(text: string, names: PathNames): string {
  return names.reduce((renamed, [inMessage, userTerms]) => renamed.replace(inMessage, userTerms), text)
}
