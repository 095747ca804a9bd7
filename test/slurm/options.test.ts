import { describe, expect, it } from "vitest"
import { OptionError } from "../../src/shared/errors.ts"
import { slurm } from "../../src/slurm/backend.ts"

describe("slurm()", () => {
  it.each([
    [{ slurmjob: "x" }, "slurmjob", /no option `slurmjob`.*\n.*did you mean `slurmJob`/],
    [{ partition: "gpu" }, "partition", /\n.*slurm\(\{ sbatch: \{ partition: …/],
    [{ slurmJob: 5 }, "slurmJob", /text of a batch script/],
    [{ interface: [] }, "interface", /name of a network interface, or a list of names, not \[\]/],
    [{ interface: ["ib0", 7] }, "interface", /list of names/],
    [{ interface: "ib0,eth0" }, "interface", /\['ib0', 'eth0'\]/],
    [{ interface: "10.0.0.1" }, "interface", /name of a network interface.*\n.*SLURM_FLAME_HOST/],
    [{ node: "node" }, "node", /absolute path/],
    [{ signalBefore: "soon" }, "signalBefore", /not a duration/],
    [{ signalBefore: 0 }, "signalBefore", /between 1s and 65535s/],
    [{ signalBefore: "1d" }, "signalBefore", /between 1s and 65535s/],
    [{ maxPending: 0 }, "maxPending", /positive integer or Infinity, not 0/],
    [{ maxPending: "50" }, "maxPending", /positive integer or Infinity, not 50/],
    [{ sbatch: "gpu" }, "sbatch", /must be an object/],
    [{ sbatch: { partion: "gpu" } }, "sbatch.partion", /no option `--partion`.*\n.*did you mean `partition`/],
    [{ sbatch: { p: "gpu" } }, "sbatch.p", /\n.*partition: …/],
    [{ sbatch: { "a b": 1 } }, "sbatch.a b", /no option name/],
    [{ sbatch: { signal: "TERM@9" } }, "sbatch.signal", /cannot be set.*\n.*signalBefore/],
    [{ sbatch: { array: "1-3" } }, "sbatch.array", /cannot be set/],
    [{ sbatch: { exportFile: "x" } }, "sbatch.exportFile", /cannot be set/],
    [{ sbatch: { partition: true } }, "sbatch.partition", /takes a value/],
    [{ sbatch: { hold: "yes" } }, "sbatch.hold", /takes no value/],
    [{ sbatch: { nodes: Number.NaN } }, "sbatch.nodes", /one line, a number or a boolean/],
    [{ sbatch: { partition: "a\nb" } }, "sbatch.partition", /one line/],
    [{ sbatch: { time: "2h" } }, "sbatch.time", /no time limit of Slurm's.*\n.*H:MM:SS/],
    [{ sbatch: { requeue: true, noRequeue: true } }, "sbatch.requeue", /contradict/],
    [{ epilogue: 5 }, "epilogue", /text of shell lines/],
    [{ epilogue: " \n" }, "epilogue", /is empty/],
    [{ epilogue: "true\r\n" }, "epilogue", /CR/],
    [{ epilogue: "cp a b \\\n" }, "epilogue", /ends in a backslash/],
    [{ epilogue: "true\n#SBATCH -n 1" }, "epilogue", /line 2 is a directive/],
    [{ runnersPerJob: 0 }, "runnersPerJob", /whole number from 1 to 128/],
    [{ runnersPerJob: 2.5 }, "runnersPerJob", /whole number/],
    [{ runnersPerJob: "4" }, "runnersPerJob", /not "4"/],
  ])("refuses %j", (options, option, message) => {
    const make = () => slurm(options as never)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ option }))
  })

  it("lets sbatch judge a name that is near none it knows", () => {
    expect(() => slurm({ sbatch: { xyzzySiteThing: "1" } })).not.toThrow()
  })

  it("takes any limit on jobs in the queue, and none", () => {
    expect(() => slurm({ maxPending: 1 })).not.toThrow()
    expect(() => slurm({ maxPending: Number.POSITIVE_INFINITY })).not.toThrow()
  })

  it("says what it is", () => {
    expect(slurm({ interface: "ib1" })).toMatchObject({ name: "slurm", network: "fabric", interface: "ib1" })
  })
})

describe("validate", () => {
  it("finds a wrong script before anything is submitted", () => {
    const backend = slurm({ slurmJob: "#!/bin/bash\nexport A=1\n#SBATCH --time=5\n" })
    expect(() => backend.validate()).toThrow(/line 3 comes after the first command/)
  })
  it("is content with a good script, a function, and nothing", () => {
    for (const slurmJob of ["#!/bin/bash\n", () => "#!/bin/bash\n", undefined]) {
      expect(() => slurm(slurmJob === undefined ? {} : { slurmJob }).validate()).not.toThrow()
    }
  })
})
