/**
 * sbatch, squeue, scancel and scontrol of a cluster that starts every job at once: each leaves the boot configurations of its tasks where
 * the crowd finds them. All jobs are in the state that the file `state` names; none is listed while that is GONE.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const [program, ...argv] = process.argv.slice(2)
const root = process.env.BENCH_SLURM
const state = () => readFileSync(join(root, "state"), "utf8").trim()

function submit() {
  readFileSync(0)
  let number = 1_000
  for (;;) {
    try {
      mkdirSync(join(root, "jobs", String(++number)))
      break
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
  }
  const last = argv.flatMap(arg => /^--array=0-(\d+)$/.exec(arg)?.[1] ?? [])[0]
  const tasks = last === undefined ? [""] : Array.from({ length: Number(last) + 1 }, (_, task) => `_${task}`)
  for (const task of tasks) {
    const id = `${number}${task}`
    writeFileSync(join(root, "jobs", String(number), id), "")
    if (state() !== "RUNNING") continue
    writeFileSync(join(root, "spool", `.${id}`), process.env[`SLURM_FLAME_BOOT${task}`])
    renameSync(join(root, "spool", `.${id}`), join(root, "spool", id))
  }
  return `${number}\n`
}

function queue() {
  const word = state()
  if (word === "GONE") return ""
  const end = word === "PENDING" ? "N/A" : "2099-01-01T00:00:00"
  const numbers = readdirSync(join(root, "jobs"))
  return numbers
    .flatMap(number => readdirSync(join(root, "jobs", number)).map(id => [id, word, end, "N/A", "n1", number, "None"]))
    .map(row => `${row.join("|")}\n`)
    .join("")
}

const answers = {
  sbatch: submit,
  squeue: queue,
  scontrol: () => (argv[1] === "config" ? "MaxArraySize = 1001\nKillWait = 30 sec\n" : "JobId=1 JobState=COMPLETED\n"),
  scancel: () => {
    if (state() === "PENDING") writeFileSync(join(root, "state"), "GONE")
    return ""
  },
}
process.stdout.write(answers[program]())
