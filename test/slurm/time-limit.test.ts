/** The time limit of a backend's jobs, where it is known before one has run. */
import { afterEach, describe, expect, it, vi } from "vitest"
import { slurm } from "../../src/slurm/backend.ts"
import type { SlurmOptions } from "../../src/slurm/options.ts"

function limitOf(options: SlurmOptions): number | undefined {
  const backend = slurm(options)
  backend.validate()
  return backend.timeLimitMs
}

const script = (time: string) => `#!/bin/bash\n#SBATCH --time=${time}\n`
const MINUTE = 60_000

describe("the time limit of slurm()", () => {
  afterEach(() => vi.unstubAllEnvs())

  it.each<[string, SlurmOptions, number | undefined]>([
    ["of a script", { slurmJob: script("01:00:00") }, 60 * MINUTE],
    ["rounded up to whole minutes, as Slurm does it", { slurmJob: script("00:01:30") }, 2 * MINUTE],
    ["of the options", { sbatch: { time: "2-0" } }, 48 * 60 * MINUTE],
    ["of the options before that of the script", { slurmJob: script("5"), sbatch: { time: 10 } }, 10 * MINUTE],
    [
      "of the options, where a function writes the script",
      { slurmJob: () => script("5"), sbatch: { time: 10 } },
      10 * MINUTE,
    ],
    ["of runners that share a job", { slurmJob: script("5"), runnersPerJob: 2 }, 5 * MINUTE],
    ["unknown where a function writes the script", { slurmJob: () => script("5") }, undefined],
    ["unknown where the site's holds", { slurmJob: "#!/bin/bash\n" }, undefined],
    ["unknown where none was asked for: the partition has one", { slurmJob: script("UNLIMITED") }, undefined],
  ])("is that %s", (_what, options, limit) => {
    expect(limitOf(options)).toBe(limit)
  })

  it("is unknown where the user's environment overrides the script", () => {
    vi.stubEnv("SLURM_JOB_ID", undefined)
    vi.stubEnv("SBATCH_TIMELIMIT", "3")
    expect(limitOf({ slurmJob: script("5") })).toBeUndefined()
    expect(limitOf({ sbatch: { time: "5" } })).toBe(5 * MINUTE)
  })
})
