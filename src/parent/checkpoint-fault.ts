/** What is wrong with a checkpoint, in words: which call's, where, why, and what can be done. Pure functions. */
import { dirname } from "node:path"
import { CheckpointError, FlameError, StateError } from "../shared/errors.ts"

const WHY: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "your quota on that file system is used up",
  EFBIG: "the file would be larger than it may be (`ulimit -f`)",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system may only be read",
  ESTALE: "the file server has lost the directory (ESTALE)",
}
/** With these the place is to blame. */
const PLACE = "XDG_STATE_HOME: a directory with room in which this user may write, set before the program starts"

/** Why `save()` rejects. @param path Where it was to lie, as far as that is known */
export function notKept(name: string, path: string | undefined, error: unknown): FlameError {
  // What the value is to blame for says so by itself.
  if (error instanceof FlameError && !(error instanceof CheckpointError) && !(error instanceof StateError)) return error
  const { code } = error as NodeJS.ErrnoException
  const known = code === undefined ? undefined : WHY[code]
  const where = path === undefined ? "" : ` in ${dirname(path)}`
  const said = wordsOf(error)
  return new CheckpointError(
    `the checkpoint of ${name}() cannot be kept${where}: ${known ?? said.why}. An older one is as it was`,
    { cause: error, hint: known ? `make room there, or keep checkpoints elsewhere. ${PLACE}` : said.hint },
  )
}

/** Why `load()` rejects: the work that may be in there is not thrown away, and not begun anew without a word. */
export function notRead(
  name: string,
  id: string | undefined,
  path: string | undefined,
  error: unknown,
): CheckpointError {
  const { why, hint } = wordsOf(error)
  const where = path === undefined ? "" : ` ${path}`
  const anew =
    id === undefined || path === undefined
      ? "called again, it begins from the start"
      : `it is left as it is. To begin the call from the start, move it away: mv ${path} ${path}.bad`
  return new CheckpointError(`the checkpoint of ${name}()${where} cannot be used: ${why}`, {
    cause: error,
    hint: hint ?? anew,
  })
}

function wordsOf(error: unknown): { readonly why: string; readonly hint?: string | undefined } {
  const { message } = error as Error
  if (!(error instanceof FlameError) || error.hint === undefined) return { why: message }
  return { why: message.slice(0, message.length - `\n  hint: ${error.hint}`.length), hint: error.hint }
}
