/** `slurm-flame script`: what it prints, compared with what was written down by hand. Asks no Slurm: there is none on its PATH. */
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { Desk, MAIN } from "./command.ts"

const GOLDEN = fileURLToPath(new URL("../fixtures/golden/", import.meta.url))
const DIST = dirname(dirname(MAIN))

/** Runs the command with these files, and shows both streams without what differs from one run, or machine, to the next. */
async function shown(args: readonly string[], files: Record<string, string> = {}) {
  const desk = new Desk()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(desk.root, name), text)
  const { code, stdout, stderr } = await desk.run([
    "script",
    ...(args.some(arg => arg.startsWith("--node")) ? [] : ["--node=/usr/bin/node"]),
    ...args.map(arg => (Object.hasOwn(files, arg) ? join(desk.root, arg) : arg)),
  ])
  const text = `${stdout}-- stderr\n${stderr}`
    .replaceAll(desk.root, "DESK")
    .replaceAll(DIST, "DIST")
    .replaceAll(/\b[0-9a-f]{6}\b/g, "HEX")
  return { code, stdout, stderr, text }
}

const README = `#!/bin/bash
#SBATCH --time=01:00:00 --partition=cpu
#SBATCH -o out/%j.txt

module load node
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`

describe("slurm-flame script prints", () => {
  test.each<[string, string, string[], Record<string, string>?]>([
    ["what is submitted without any option", "plain", []],
    [
      "options of sbatch's",
      "sbatch",
      // biome-ignore format: as one would type it
      ["--partition", "gpu", "--sbatch", "time=0:02:00", "gres=gpu:1", "cpusPerTask=4", "--sbatch", "exclusive", "constraint=a&b", "--pool", "Train"],
    ],
    ["a script of the user's", "script", ["--slurm-job", "job.sh", "--signal-before", "2m"], { "job.sh": README }],
    [
      "a script that says where the runner starts",
      "placeholder",
      ["--slurm-job", "job.sh"],
      { "job.sh": "#!/bin/bash\n# {{runner}} goes here:\n{{runner}}\necho never\n" },
    ],
    ["an array", "array", ["--runners", "12"]],
    [
      "an epilogue",
      "epilogue",
      ["--slurm-job", "job.sh", "--epilogue", "epilogue.sh"],
      {
        "job.sh": "#!/bin/bash\nmodule load node\n",
        "epilogue.sh": 'echo "ended with $?"\ncp -r "$TMPDIR/out" results/\n',
      },
    ],
    ["runners that share a job", "shared", ["--runners", "9", "--runners-per-job", "4", "--sbatch", "nodes=2"]],
    [
      "a job with a name, a comment and a wish of its own",
      "own-name",
      ["--slurm-job", "job.sh"],
      { "job.sh": '#!/bin/bash\n#SBATCH --job-name=mine --comment="for the paper" --requeue\n' },
    ],
  ])("%s", async (_, golden, args, files) => {
    const { code, text } = await shown(args, files)
    expect(text).toBe(readFileSync(join(GOLDEN, `${golden}.txt`), "utf8"))
    expect(code).toBe(0)
  })

  test("the node it runs with, unless told otherwise, and no key", async () => {
    const { stdout, text } = await shown([])
    expect(stdout).toContain("exec /usr/bin/node")
    expect(text).not.toContain("SLURM_FLAME")
    const desk = new Desk()
    expect((await desk.run(["script"])).stdout).toContain(`exec ${process.execPath} `)
  })
})

describe("slurm-flame script refuses, with 2 and no script,", () => {
  test.each<[string, string[], RegExp, Record<string, string>?]>([
    [
      "a script with a line that is ours",
      ["--slurm-job", "j"],
      /line 2 sets --array/,
      { j: "#!/bin/sh\n#SBATCH -a 1-3\n" },
    ],
    ["a file that is not there", ["--epilogue", "/no/such"], /the epilogue \/no\/such cannot be read/],
    ["an option of sbatch's that there is not", ["--sbatch", "partitoin=cpu"], /did you mean `partition`/],
    ["an option of sbatch's without a name", ["--sbatch", "=3"], /--sbatch takes name=value/],
    ["the partition twice", ["--partition", "a", "--sbatch", "partition=b"], /partition is given twice/],
    ["no runners", ["--runners", "0"], /--runners takes a whole number from 1, not "0"/],
    ["a pool that could not have that name", ["--pool", "a b/c"], /may hold letters, digits/],
    ["too few tasks", ["--runners-per-job", "4", "--runners", "4", "--sbatch", "ntasks=2"], /only 2 tasks/],
  ])("%s", async (_, args, message, files) => {
    const { code, stdout, stderr } = await shown(args, files)
    expect(stderr).toMatch(message)
    expect(stdout).toBe("")
    expect(code).toBe(2)
  })
})
