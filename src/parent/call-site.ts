/**
 * Who was waiting for a call that failed. To keep a stack for each call costs more than all the rest of it; but when the call's
 * promise rejects, the engine knows which async functions wait for it, and puts them on any stack that is taken in that very
 * chain of promises. So only calls that fail pay. Owns that trick.
 */

/** Frames to look at: the first ones are the engine's own. */
const FRAMES = 30

/**
 * A promise that rejects with `error`, whose stack then ends with the async functions that await what it was given to. To be
 * passed to the `resolve` of the promise that the caller holds, at once.
 * @param where Where the error was thrown; undefined: here.
 */
export function rejectionOf(error: unknown, where: string | undefined): Promise<never> {
  // The second turn is needed: only by then the caller's promise has been tied to this one.
  return Promise.resolve()
    .then(nothing)
    .then(() => {
      if (error instanceof Error) addSite(error, where)
      throw error
    })
}

function nothing(): void {}

function addSite(error: Error, where: string | undefined): void {
  const limit = Error.stackTraceLimit
  if (typeof error.stack !== "string" || !(limit > 0)) return
  const here: { stack?: unknown } = {}
  Error.stackTraceLimit = FRAMES
  try {
    Error.captureStackTrace(here, addSite)
  } finally {
    Error.stackTraceLimit = limit
  }
  if (typeof here.stack !== "string") return // the user's own Error.prepareStackTrace made something else of it
  const frames = here.stack.split("\n").filter(line => /^\s+at async /.test(line))
  if (frames.length === 0) return // nobody awaits it: it is handled by a callback, or not yet
  const mark = where === undefined ? "awaited" : `thrown on ${where}, awaited`
  Object.defineProperty(error, "stack", {
    value: `${error.stack}\n    -- ${mark} --\n${frames.slice(0, limit).join("\n")}`,
    configurable: true,
    writable: true,
  })
}
