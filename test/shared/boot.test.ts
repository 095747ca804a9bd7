import { describe, expect, it } from "vitest"
import {
  type BootConfig,
  decodeBoot,
  decodeJobFacts,
  encodeBoot,
  takeBoot,
  taskVariable,
} from "../../src/shared/boot.ts"
import { HandshakeError } from "../../src/shared/errors.ts"

const config: BootConfig = {
  v: 1,
  runnerId: "p-1",
  pool: "p",
  addresses: [{ host: "10.0.0.1", port: 4_000 }],
  tls: true,
  key: "a2V5",
}

describe("takeBoot", () => {
  const rest = { HOME: "/home/me", SLURM_FLAME_HOST: "10.0.0.2" }
  const tasks = Object.fromEntries([0, 1, 10].map(task => [taskVariable("SLURM_FLAME_BOOT", task), `of-${task}`]))

  it.each([
    [
      "a job by itself",
      { SLURM_FLAME_BOOT: "own", SLURM_JOB_ID: "7" },
      { text: "own", jobId: undefined, shared: false },
    ],
    [
      "a task of an array",
      { ...tasks, SLURM_JOB_ID: "8", SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "1" },
      { text: "of-1", jobId: "7_1", shared: false },
    ],
    [
      "the last task, whose number is that of the array",
      { ...tasks, SLURM_JOB_ID: "7", SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "10" },
      { text: "of-10", jobId: "7_10", shared: false },
    ],
    [
      "a child process that somebody starts in a task of an array",
      { SLURM_FLAME_BOOT: "own", SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "1" },
      { text: "own", jobId: undefined, shared: false },
    ],
    [
      "a task of a step: one of several runners of a job",
      { ...tasks, SLURM_JOB_ID: "8", SLURM_PROCID: "10" },
      { text: "of-10", jobId: undefined, shared: true },
    ],
    [
      "a task of an array, whose process is the first of its step",
      { ...tasks, SLURM_JOB_ID: "8", SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "1", SLURM_PROCID: "0" },
      { text: "of-1", jobId: "7_1", shared: false },
    ],
    ["tasks without an array", tasks, { text: undefined, jobId: undefined, shared: false }],
  ])("takes what is this runner's own and leaves no other's: %s", (_, boots, expected) => {
    const env: NodeJS.ProcessEnv = { ...rest, ...boots }
    expect(takeBoot(env)).toEqual(expected)
    expect(Object.keys(env).filter(name => name.startsWith("SLURM_FLAME_BOOT"))).toEqual([])
    expect(env).toMatchObject(rest)
  })
})

describe("the boot variable", () => {
  it("survives the trip through an environment", () => {
    const text = encodeBoot(config)
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/) // nothing in it that a shell or Slurm would take apart
    expect(decodeBoot(text)).toEqual(config)
  })

  it.each([
    ["nothing", undefined, /SLURM_FLAME_BOOT is not set/],
    ["an empty text", "", /is not set/],
    ["no base64", "?!", /cannot be read/],
    ["another version", encodeBoot({ ...config, v: 2 as 1 }), /cannot be read/],
    ["a missing field", encodeBoot({ ...config, key: undefined as never }), /cannot be read/],
    [
      "a port that is none",
      encodeBoot({ ...config, addresses: [{ host: "10.0.0.1", port: "4000" as never }] }),
      /cannot be read/,
    ],
    ["no address", encodeBoot({ ...config, addresses: [] }), /cannot be read/],
    ["an address that is null", encodeBoot({ ...config, addresses: [null as never] }), /cannot be read/],
    ["one address instead of a list", encodeBoot({ ...config, addresses: "10.0.0.1" as never }), /cannot be read/],
    ["a tls that is neither yes nor no", encodeBoot({ ...config, tls: "false" as never }), /cannot be read/],
    ["no word about tls", encodeBoot({ ...config, tls: undefined as never }), /cannot be read/],
    ["null", Buffer.from("null").toString("base64url"), /cannot be read/],
  ])("refuses %s and says who removed it", (_what, text, message) => {
    const read = () => decodeBoot(text)
    expect(read).toThrow(HandshakeError)
    expect(read).toThrow(message)
    expect(read).toThrow(/\n {2}hint: .*--export/)
  })
})

describe("the job's facts", () => {
  it("are Slurm's defaults where nothing is said", () => {
    expect(decodeJobFacts(undefined)).toEqual({ killWaitMs: 30_000, signalBeforeMs: 60_000 })
    expect(decodeJobFacts("")).toEqual(decodeJobFacts(undefined))
  })

  it("are the backend's where it says something", () => {
    expect(decodeJobFacts('{"killWaitMs":5,"endsAt":7}')).toEqual({ killWaitMs: 5, signalBeforeMs: 60_000, endsAt: 7 })
  })
})
