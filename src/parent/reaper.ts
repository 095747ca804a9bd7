/**
 * The last resort when the parent exits without closing its pools: ends their jobs, synchronously. Owns the exit hooks, one set for all
 * pools that share a reaper.
 */
import { onExit } from "signal-exit"
import type { Backend, Job } from "../shared/backend.ts"

interface Charge {
  readonly backend: Backend
  readonly jobs: () => readonly Job[]
  readonly over: ((clean: boolean) => void) | undefined
}

/** Made once for the program (`src/index.ts`) and handed to its pools: hooks of their own would be a leak in Node's eyes from eleven on. */
export class Reaper {
  readonly #charges = new Set<Charge>()
  #unhook: (() => void) | undefined

  /**
   * Ends `jobs()` if the process exits before the returned function is called.
   * @param over Called when that is done; `clean`: no job is known to be left.
   */
  add(backend: Backend, jobs: () => readonly Job[], over?: (clean: boolean) => void): () => void {
    const charge = { backend, jobs, over }
    this.#charges.add(charge)
    this.#unhook ??= this.#hook()
    return () => {
      if (!this.#charges.delete(charge) || this.#charges.size > 0) return
      this.#unhook?.()
      this.#unhook = undefined
    }
  }

  #hook(): () => void {
    const keep = keepExitCode()
    const forget = onExit(() => {
      for (const { backend, jobs, over } of this.#charges) {
        const left = jobs()
        const clean = left.length === 0 || backend.cancelSync(left) !== false
        over?.(clean)
      }
    })
    return () => {
      forget()
      keep()
    }
  }
}

/**
 * signal-exit sets `process.exitCode` to 0 before the listeners of 'exit' run; Node's own would have set it to 13 for a
 * program that ended in the middle of a top-level `await`. Without this, a batch job that died that way would count as done.
 */
function keepExitCode(): () => void {
  let unset = false
  const before = () => {
    unset = process.exitCode === undefined
  }
  const restore = () => {
    if (unset && process.exitCode === 0) process.exitCode = undefined
  }
  process.on("beforeExit", before)
  process.prependListener("exit", restore)
  return () => {
    process.off("beforeExit", before)
    process.off("exit", restore)
  }
}
