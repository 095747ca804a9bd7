import { describe, expect, it } from "vitest"
import { arrayEnv, commandEnv, jobEnv, scrub, taskBytes } from "../../src/slurm/environment.ts"

describe("scrub", () => {
  const outside = {
    PATH: "/bin",
    HOME: "/home/me",
    SLURM_CONF: "/etc/slurm/slurm.conf",
    SLURM_FLAME_HOST: "10.0.0.1",
    SLURM_TIME_FORMAT: "relative",
    SQUEUE_STATES: "RUNNING",
    SCANCEL_INTERACTIVE: "1",
    SBATCH_WAIT: "1",
    SBATCH_EXPORT: "NONE",
    SBATCH_ARRAY_INX: "1-9",
    SBATCH_ACCOUNT: "physics",
  }
  it("keeps the way to the controller and the user's own defaults", () => {
    expect(scrub(outside)).toEqual({
      PATH: "/bin",
      HOME: "/home/me",
      SLURM_CONF: "/etc/slurm/slurm.conf",
      SBATCH_ACCOUNT: "physics",
    })
  })
  it("keeps the devices that somebody chose outside of any job, and none that Slurm gave to the parent's", () => {
    const devices = { CUDA_VISIBLE_DEVICES: "1", ROCR_VISIBLE_DEVICES: "1", PMI_RANK: "0" }
    expect(scrub({ ...outside, ...devices })).toMatchObject(devices)
    expect(Object.keys(scrub({ ...outside, ...devices, SLURM_JOB_ID: "5" })).sort()).toEqual([
      "HOME",
      "PATH",
      "SLURM_CONF",
    ])
  })
  it("keeps nothing of the job the parent runs in", () => {
    const inside = { ...outside, SLURM_JOB_ID: "5", SLURM_NTASKS: "8", SLURMD_NODENAME: "n1", SBATCH_CPU_BIND: "quiet" }
    expect(scrub(inside)).toEqual({ PATH: "/bin", HOME: "/home/me", SLURM_CONF: "/etc/slurm/slurm.conf" })
  })
})

it("asks Slurm for times in UTC", () => {
  expect(commandEnv({ TZ: "America/New_York" })).toEqual({ TZ: "UTC0" })
})

it("gives the job the parent's environment, then the pool's, then the runner's own", () => {
  const spec = { env: { A: "pool", B: undefined, KEY: "pool" }, secretEnv: { KEY: "secret", SLURM_FLAME_KEY: "k" } }
  const env = jobEnv({ A: "parent", B: "parent", C: "parent", SLURM_FLAME_KEY: "old" }, spec, {
    killWaitMs: 5_000,
    signalBeforeMs: 60_000,
  })
  const { SLURM_FLAME_JOB, ...rest } = env
  expect(rest).toEqual({ A: "pool", B: undefined, C: "parent", KEY: "secret", SLURM_FLAME_KEY: "k" })
  expect(JSON.parse(SLURM_FLAME_JOB ?? "")).toEqual({ killWaitMs: 5_000, signalBeforeMs: 60_000 })
})

it("gives the tasks of an array what is each one's own under the number of the task", () => {
  const spec = (task: number) => ({ env: { A: "pool" }, secretEnv: { KEY: `secret-${task}` } })
  const env = arrayEnv({ A: "parent", C: "parent" }, [spec(0), spec(1)], { killWaitMs: 5_000, signalBeforeMs: 60_000 })
  const { SLURM_FLAME_JOB, ...rest } = env
  expect(rest).toEqual({ A: "pool", C: "parent", KEY_0: "secret-0", KEY_1: "secret-1" })
  expect(taskBytes(spec(1), 1)).toBe("KEY_1=secret-1".length + 1)
})
