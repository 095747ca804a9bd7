/** The local backend, for real: one runner with the doctor's module, and one call. Owns that pool. */
import { createPool, local } from "../../index.ts"
import { type Check, round } from "../check.ts"
import type * as Probe from "../probe.ts"
import { PROBE } from "./files.ts"

/** Boots a runner on this machine, calls it and ends it. `ms`: from `spawn()` to the first result. */
export function localCheck(): Check {
  return {
    name: "local runner",
    required: true,
    async run() {
      const pool = createPool<typeof Probe>({
        module: PROBE,
        backend: local(),
        max: 1,
        name: "doctor",
        bootTimeout: "30s",
        logger: false,
      })
      try {
        const began = performance.now()
        const runner = await pool.spawn()
        await runner.api.whereabouts()
        const ms = performance.now() - began
        return { ok: true, fact: `local() works: ${round(ms)} ms from spawn() to the first result`, ms }
      } finally {
        await pool.close()
      }
    },
  }
}
