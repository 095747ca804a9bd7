/** The last resort when the parent exits without closing its pools: ends their jobs, synchronously. Owns the exit hook. */
import { onExit } from "signal-exit"
import type { Backend, Job } from "../shared/backend.ts"

/** Ends `jobs()` if the process exits before the returned function is called. */
export function reapAtExit(backend: Backend, jobs: () => readonly Job[]): () => void {
  return onExit(() => {
    const left = jobs()
    if (left.length > 0) backend.cancelSync(left)
  })
}
