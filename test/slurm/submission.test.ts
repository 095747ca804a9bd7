import { describe, expect, it } from "vitest"
import { checkOptions, type SlurmOptions } from "../../src/slurm/options.ts"
import { composeSubmission } from "../../src/slurm/submission.ts"

const SITE = { logDir: "/home/me/.local/state/slurm-flame/logs", cwd: "/home/me/project", nonce: "0a1b2c" }
const SPEC = { runnerId: "r7", pool: "train", entry: "/opt/supervisor.js", nodeArgs: ["--enable-source-maps"] }

function compose(options: SlurmOptions, spec = SPEC) {
  const text = typeof options.slurmJob === "string" ? options.slurmJob : undefined
  return composeSubmission(checkOptions({ node: "/usr/bin/node", ...options }), spec, text, SITE)
}
const script = (...head: string[]) => ["#!/bin/bash", ...head, ""].join("\n")
const argvOf = (options: SlurmOptions) => compose(options).argv

describe("composeSubmission", () => {
  it("needs no option at all", () => {
    expect(compose({})).toEqual({
      argv: [
        "--parsable",
        "--signal=B:TERM@60",
        "--no-requeue",
        "--job-name=flame-train-r7-0a1b2c",
        "--export=ALL",
        "--output=/home/me/.local/state/slurm-flame/logs/flame-train-r7-0a1b2c.%j.log",
      ],
      script: "#!/bin/bash\nexec /usr/bin/node --enable-source-maps /opt/supervisor.js\n",
      tag: "flame-train-r7-0a1b2c",
      log: {
        path: "/home/me/.local/state/slurm-flame/logs/flame-train-r7-0a1b2c.%j.log",
        cwd: "/home/me/project",
        jobName: "flame-train-r7-0a1b2c",
        own: true,
      },
      limitMs: undefined,
      requeues: false,
      signalSeconds: 60,
      warnings: [],
    })
  })

  it("is an array of as many tasks as there are runners, each with a log of its own", () => {
    const settings = checkOptions({ node: "/usr/bin/node" })
    const { argv, log, ...alone } = compose({})
    const array = composeSubmission(settings, SPEC, undefined, SITE, 12)
    const path = log.path.replace("%j", "%A_%a")
    expect(array).toEqual({ ...alone, argv: expect.any(Array), log: { ...log, path } })
    const added = ["--array=0-11", `--output=${path}`]
    expect(array.argv.toSorted()).toEqual([...argv.filter(arg => !arg.startsWith("--output")), ...added].toSorted())
    const mine = checkOptions({ node: "/usr/bin/node", sbatch: { output: "%j.log" } })
    expect(composeSubmission(mine, SPEC, undefined, SITE, 12).log.path).toBe("%j.log")
  })

  it("puts sbatch options on the command line and leaves the script as it is", () => {
    const { argv, script: text } = compose({
      sbatch: { partition: "gpu", cpusPerTask: 4, exclusive: true, contiguous: false, mailType: "END" },
      slurmJob: script("#SBATCH --time=01:00:00", "#SBATCH -o flame.%j.out", "module load node"),
      signalBefore: "2m",
    })
    expect(argv).toEqual([
      "--partition=gpu",
      "--cpus-per-task=4",
      "--exclusive",
      "--mail-type=END",
      "--parsable",
      "--signal=B:TERM@120",
      "--no-requeue",
      "--job-name=flame-train-r7-0a1b2c",
      "--export=ALL",
    ])
    expect(text).toBe(`#!/bin/bash
#SBATCH --time=01:00:00
#SBATCH -o flame.%j.out
module load node
exec /usr/bin/node --enable-source-maps /opt/supervisor.js
`)
  })

  it("keeps a pool's odd name out of the job's name", () => {
    expect(compose({}, { ...SPEC, pool: "à la carte; rm -rf /" }).tag).toBe("flame--la-carte-rm--rf--r7-0a1b2c")
  })

  it.each([
    ["a job name in the script", { slurmJob: script("#SBATCH -J mine") }, ["--comment=flame-train-r7-0a1b2c"]],
    [
      "a job name among the options",
      { sbatch: { jobName: "mine" } },
      ["--job-name=mine", "--comment=flame-train-r7-0a1b2c"],
    ],
    [
      "a job name and a comment",
      { slurmJob: script("#SBATCH -J mine --comment='my words'") },
      ["--comment=my words flame-train-r7-0a1b2c"],
    ],
    ["a comment alone", { sbatch: { comment: "mine" } }, ["--job-name=flame-train-r7-0a1b2c", "--comment=mine"]],
    [
      "a comment in the script alone",
      { slurmJob: script("#SBATCH --comment=mine") },
      ["--job-name=flame-train-r7-0a1b2c"],
    ],
  ])("finds room for its own name beside %s", (_, options, expected) => {
    expect(argvOf(options).filter(arg => /^--(job-name|comment)=/.test(arg))).toEqual(expected)
  })

  it.each([
    ["nothing said", {}, ["--no-requeue"]],
    ["--requeue in the script", { slurmJob: script("#SBATCH --requeue") }, []],
    ["--no-requeue in the script", { slurmJob: script("#SBATCH --no-requeue") }, []],
    ["requeue: true", { sbatch: { requeue: true } }, ["--requeue"]],
    ["requeue: false", { sbatch: { requeue: false } }, ["--no-requeue"]],
  ] as const)("requeues only when told to: %s", (_, options, expected) => {
    expect(argvOf(options).filter(arg => /requeue/.test(arg))).toEqual(expected)
  })

  it("leaves an --export that begins with ALL to the script", () => {
    const argv = argvOf({ slurmJob: script("#SBATCH --export=ALL,OMP_NUM_THREADS=4") })
    expect(argv.filter(arg => arg.startsWith("--export"))).toEqual([])
  })

  it.each([
    ["a short job", { sbatch: { time: "1" } }, 15],
    ["a short job by its script", { slurmJob: script("#SBATCH -t 0:30") }, 7],
    ["a job of a day", { sbatch: { time: "1-0" } }, 60],
    ["a job without limit", { sbatch: { time: "UNLIMITED" } }, 60],
    ["what the user wants", { sbatch: { time: "10" }, signalBefore: "90s" as const }, 90],
    ["options over the script", { slurmJob: script("#SBATCH -t 1"), sbatch: { time: "10" } }, 60],
  ])("asks for SIGTERM in time: %s", (_, options, seconds) => {
    expect(argvOf(options)).toContain(`--signal=B:TERM@${seconds}`)
  })

  it.each([
    [
      "-o in the script",
      { slurmJob: script("#SBATCH -o out/%j.txt") },
      "out/%j.txt",
      "/home/me/project",
      "flame-train-r7-0a1b2c",
    ],
    ["-e beside -o", { slurmJob: script("#SBATCH -o a -e b", "#SBATCH -J n") }, "b", "/home/me/project", "n"],
    [
      "options over the script",
      { slurmJob: script("#SBATCH -e a"), sbatch: { error: "b" } },
      "b",
      "/home/me/project",
      "flame-train-r7-0a1b2c",
    ],
    [
      "another directory",
      { slurmJob: script("#SBATCH -o a -D sub") },
      "a",
      "/home/me/project/sub",
      "flame-train-r7-0a1b2c",
    ],
  ])("knows where stderr goes: %s", (_, options, path, cwd, jobName) => {
    const { log, argv } = compose(options)
    expect(log).toEqual({ path, cwd, jobName, own: false })
    expect(argv.some(arg => arg.includes("/logs/"))).toBe(false)
  })

  it("says what looks wrong and may be meant", () => {
    const { warnings } = compose({ slurmJob: script("# SBATCH -n 1", "#SBATCH -o log.txt") })
    expect(warnings).toEqual([
      expect.stringMatching(/^`slurmJob` line 2 is a comment to sbatch.*\n {2}hint: /),
      expect.stringMatching(/^all jobs of the pool would write to one file, log\.txt/),
    ])
  })

  it.each([
    [
      "--signal",
      { slurmJob: script("#SBATCH -n 1", "#SBATCH --signal=B:USR1@30") },
      /line 3 sets --signal.*\n.*signalBefore/,
    ],
    ["--wait", { slurmJob: script("#SBATCH -W") }, /line 2 sets --wait/],
    ["--array", { slurmJob: script("#SBATCH -a 1-3") }, /line 2 sets --array/],
    ["--clusters", { slurmJob: script("#SBATCH -M other") }, /line 2 sets --clusters/],
    [
      "--export=NONE",
      { slurmJob: script("#SBATCH --export=NONE") },
      /line 2 has --export=NONE.*key.*\n.*ALL,NAME=value/,
    ],
    ["--export=LIST", { slurmJob: script("#SBATCH --export=ALLOWED,X=1") }, /line 2 has --export=ALLOWED/],
    [
      "a signal as long as the job",
      { sbatch: { time: "1" }, signalBefore: "60s" as const },
      /signalBefore.*drain as soon as it starts/,
    ],
  ])("refuses %s", (_, options, message) => {
    expect(() => compose(options)).toThrow(message)
  })
})
