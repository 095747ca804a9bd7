/** The option `persist`: what it cannot go together with. */
import type { Backend } from "../shared/backend.ts"
import { OptionError } from "../shared/errors.ts"
import { flag } from "./option-checks.ts"
import type { PoolOptions } from "./pool-options.ts"

/** @throws OptionError */
export function checkPersist(options: Pick<PoolOptions, "persist" | "name" | "singleUse">, backend: Backend): boolean {
  if (!flag(options, "persist")) return false
  if (options.name === undefined) {
    throw new OptionError("name", "a pool that persists needs a `name`: by that its runners are found again", {
      hint: "createPool({ name: 'sweep', persist: true, … })",
    })
  }
  if (options.singleUse) {
    throw new OptionError("persist", "`persist` and `singleUse` contradict each other: no runner is used twice")
  }
  if ((backend.runnersPerJob ?? 1) > 1) {
    throw new OptionError(
      "persist",
      "`persist` is not for jobs that several runners share: they cannot be taken back one by one",
      {
        hint: "leave `runnersPerJob` out, so that each runner has a job of its own, or leave `persist` out",
      },
    )
  }
  if (backend.adopt) return true
  throw new OptionError("persist", `the backend "${backend.name}" cannot take jobs of another program back`, {
    hint: "use slurm() or local(), or leave `persist` out",
  })
}
