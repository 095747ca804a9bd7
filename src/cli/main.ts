#!/usr/bin/env node
/**
 * The command `slurm-flame`. Owns the command line and the exit code: 0 fine, 1 something does not work, 2 the command line
 * makes no sense. Loads a command's code only when that command is given.
 */
import { Command, CommanderError } from "commander"
import { isFlameError } from "../shared/errors.ts"
import { addBenchOptions } from "./bench-options.ts"
import { VERSION } from "./manifest.ts"
import { addSlurmOptions } from "./slurm-options.ts"

const EXIT = { fine: 0, broken: 1, usage: 2, hangup: 129 } as const

// `slurm-flame doctor | head -1`: the reader has seen enough. EIO: the terminal is gone. The rest is still done, above all the end of a
// job, and the report of a benchmark.
const UNREAD: readonly (string | undefined)[] = ["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (UNREAD.includes(error.code)) return
    if (!benchmarks) throw error
    unwritten ??= error // an hour of measuring is not lost because the disk of its log is full: this is told at the end
  })
}

/** Packages of others are loaded then, which may leave a timer or a socket behind: the process is ended when it is done. */
let benchmarks = false
let unwritten: Error | undefined

function program(): Command {
  const top = new Command("slurm-flame")
    .description("an elastic pool of runners for Node.js, each of them a Slurm job")
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
  const doctor = top.command("doctor").description("tell what works here and what does not, and what to do about it")
  addSlurmOptions(doctor)
    .option("--json", "print one JSON document: { version, ok, checks }")
    .option(
      "--interface <names>",
      "listen on the address of this network interface, such as ib0, or of several: ib0,eth0",
    )
    .option("--script <file>", "the same as --slurm-job")
    .option("--submit", "prove it with a real job: one node, five minutes at most")
    .action(async options => {
      const { doctor } = await import("./doctor.ts")
      process.exitCode = (await doctor(options)) ? EXIT.fine : EXIT.broken
    })
  top
    .command("ps")
    .description("list your jobs of slurm-flame, and whether somebody waits for them")
    .option("--json", "print one JSON document: { version, jobs, runs }")
    .action(async options => {
      const { ps } = await import("./ps.ts")
      await ps(options)
    })
  top
    .command("cancel")
    .description("end jobs of slurm-flame that nobody waits for, or those that are named")
    .argument("[job-or-pool...]", "ids of jobs (1234, 1234_5), or names of pools")
    .option("--orphans", "those whose parent is certainly dead")
    .option("--force", "with --orphans: those too whose parent is out of sight, or may come back")
    .action(async (names, options) => {
      const { cancel } = await import("./cancel.ts")
      process.exitCode = (await cancel(names, options)) ? EXIT.fine : EXIT.broken
    })
  const script = top
    .command("script")
    .description(
      "print what would be submitted, and submit nothing: the batch script, as sbatch gets it on stdin, on stdout;\n" +
        "sbatch's command line, and what looks wrong, on stderr. Neither holds a key: a job that is submitted by hand\n" +
        "finds no parent and ends. A large array is submitted in parts.",
    )
  addSlurmOptions(script)
    .option("--epilogue <file>", "the lines that `epilogue` would be")
    .option("--runners <n>", "runners that are wanted together: an array", "1")
    .option("--runners-per-job <n>", "as `runnersPerJob`: so many of them in one job", "1")
    .option("--signal-before <duration>", "as `signalBefore`")
    .option("--node <path>", "as `node`")
    .option("--pool <name>", "the pool's name, for that of the job", "pool")
    .action(async options => {
      const { script } = await import("./script.ts")
      script(options)
    })
  const bench = top
    .command("bench")
    .description("measure latency and bandwidth, and compare with others over the same wire")
  addBenchOptions(bench).action(async options => {
    benchmarks = true
    const { bench } = await import("./bench.ts")
    process.exitCode = await bench(options)
  })
  return top
}

try {
  await program().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage // it has said what was wrong
  } else if (isFlameError(error) && error.code === "ERR_FLAME_OPTION") {
    process.stderr.write(`error: ${error.message}\n`)
    process.exitCode = EXIT.usage
  } else if (isFlameError(error) && error.code === "ERR_FLAME_SLURM_COMMAND") {
    process.stderr.write(`error: ${error.message}\n`)
    process.exitCode = EXIT.broken
  } else throw error
}

if (benchmarks) {
  // Nobody who reads misses the last line: what is written is given away first.
  await flushed(process.stdout)
  if (unwritten) {
    process.stderr.write(`error: what was printed is not all there: ${unwritten.message}\n`)
    process.exitCode ||= EXIT.broken
  }
  await flushed(process.stderr)
  // Node's exit gives the terminal its state back, and crashes where that has hung up: by then it dies of the signal instead.
  if (process.exitCode === EXIT.hangup) process.kill(process.pid, "SIGHUP")
  process.exit()
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => stream.write("", () => resolve()))
}
