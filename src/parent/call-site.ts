/**
 * Who was waiting for a call that failed. To keep a stack for each call costs more than all the rest of it; but when the call's
 * promise rejects, the engine knows which async functions wait for it, and puts them on any stack that is taken in that very
 * chain of promises. So only calls that fail pay. Owns that trick.
 */

import { fileURLToPath } from "node:url"

/** Frames to look at: the first ones are the engine's own. */
const FRAMES = 30

/** The folder of this file, as stacks have it. */
const OURS = fileURLToPath(new URL(".", import.meta.url))

/** Errors that show already who waited. One that ends many calls, of a lost line say, would grow with each of them. */
const told = new WeakSet<Error>()

/**
 * A promise that rejects with `error`, whose stack then ends with the async functions that await what it was given to. To be
 * passed to the `resolve` of the promise that the caller holds, at once.
 * @param where Where the error was thrown; undefined: here.
 */
export function rejectionOf(error: unknown, where: string | undefined): Promise<never> {
  const reject = (): never => {
    if (error instanceof Error) addSite(error, where, reject)
    throw error
  }
  // The second turn is needed: only by then the caller's promise has been tied to this one.
  return Promise.resolve().then(nothing).then(reject)
}

function nothing(): void {}

function addSite(error: Error, where: string | undefined, below: () => never): void {
  if (told.has(error) || typeof error.stack !== "string" || !(Error.stackTraceLimit > 0)) return
  const frames = waiting(below).slice(0, Error.stackTraceLimit)
  if (frames.length === 0) return // nobody awaits it: it is handled by a callback, or not yet
  told.add(error)
  const mark = where === undefined ? "awaited" : `thrown on ${where}, awaited`
  // Of an error that is frozen the stack stays as it is.
  Reflect.defineProperty(error, "stack", {
    value: `${error.stack}\n    -- ${mark} --\n${frames.join("\n")}`,
    configurable: true,
    writable: true,
  })
}

/** The lines of a stack that are not the engine's on its way to `below`. */
function waiting(below: () => never): string[] {
  const here: { stack?: unknown } = {}
  const limit = Error.stackTraceLimit
  Reflect.set(Error, "stackTraceLimit", FRAMES) // does nothing where somebody froze Error
  try {
    Error.captureStackTrace(here, below)
    if (typeof here.stack !== "string") return [] // the user's own Error.prepareStackTrace made something else of it
    return here.stack.split("\n").filter(isWaiting)
  } catch {
    return [] // that function of the user's threw: the call's own error is the one to be told
  } finally {
    Reflect.set(Error, "stackTraceLimit", limit)
  }
}

/** Tools that map stacks to sources may leave the word "async" out; but all that runs here synchronously is Node itself. */
function isWaiting(line: string): boolean {
  if (line.includes(OURS)) return false // pool.call's own frames, between the user's function and who awaits it
  return /^\s+at async /.test(line) || (/^\s+at /.test(line) && !line.includes("node:internal/"))
}
