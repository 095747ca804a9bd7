/**
 * First stage of a runner's main process. Installs the signal handlers before anything else (Slurm's SIGTERM may come within
 * the first second of a short job), takes the key out of the environment, starts the worker, and only then loads the rest:
 * the worker boots while the supervisor does.
 */
import { hostname } from "node:os"
import { checkAddresses } from "../../shared/address.ts"
import { decodeBoot, decodeJobFacts, HOST_VARIABLE, JOB_VARIABLE, takeBoot } from "../../shared/boot.ts"
import { nodeNow } from "../node-clock.ts"
import { TmpDir } from "../tmp-dir.ts"
import { adoptAddress } from "./adopt-address.ts"
import { LogFeed } from "./log-feed.ts"
import { Outlet } from "./outlet.ts"
import { WorkerProcess } from "./worker-process.ts"

/** Signals that came before the supervisor was there to take them. SIGCONT, which Slurm sends along, matters only to a worker that is to stand still. */
const early: { signal: NodeJS.Signals; at: number }[] = []
let onSignal = (signal: NodeJS.Signals): void => {
  early.push({ signal, at: performance.now() })
}
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => onSignal(signal))

// The parent reads our output, or a terminal that may be closed: an outlet sees to it that this never ends a runner.
const outlets = { stdout: new Outlet(process.stdout), stderr: new Outlet(process.stderr) }
const feed = new LogFeed()

const taken = takeBoot(process.env)
const boot = decodeBoot(taken.text)
const facts = decodeJobFacts(process.env[JOB_VARIABLE])
delete process.env[JOB_VARIABLE]

const jobId = taken.jobId ?? process.env.SLURM_JOB_ID ?? facts.jobId ?? `local-${process.pid}`
// Slurm starts a requeued job again with the same id and the same environment, and counts.
const incarnation = Number(process.env.SLURM_RESTART_COUNT) || 0
const node = process.env.SLURMD_NODENAME ?? hostname()
const slurmEnd = Number(process.env.SLURM_JOB_END_TIME) // seconds; Slurm has it since 23.02
const endsAt = facts.endsAt ?? (slurmEnd > 0 ? slurmEnd * 1_000 : 0)
// By the clock of this node, which may be wrong. A job whose drain is due when it starts is rather that: the parent knows better in a moment.
const guess = endsAt - Date.now()
const leftMs = guess > facts.signalBeforeMs ? guess : undefined

let problem: unknown
let from: readonly string[] = []
if (taken.shared) adoptAddress(process.env, HOST_VARIABLE)
const configured = process.env[HOST_VARIABLE]
if (configured !== undefined) {
  try {
    // With several ways to the parent, one that is down here is what the others are for.
    const least = boot.addresses.length > 1 ? 0 : 1
    const own = checkAddresses(configured, `${HOST_VARIABLE} in the job script`, least)
    from = own.addresses
    for (const { message } of own.missing) process.stderr.write(`slurm-flame: ${message}\n`)
  } catch (error) {
    problem = error
  }
}

let tmp: TmpDir | undefined
try {
  const made = new TmpDir(boot.runnerId)
  tmp = made
  // Whatever ends this process from here on, an error in what follows included, the directory goes with it.
  process.once("exit", () => made.removeSync())
} catch (error) {
  problem ??= error
}

const output = { ...outlets, seen: feed.push.bind(feed) }
const startWorker = (generation: number, addresses = boot.addresses, left = leftMs): WorkerProcess => {
  const init = {
    t: "init" as const,
    runnerId: boot.runnerId,
    pool: boot.pool,
    addresses,
    tls: boot.tls,
    key: boot.key,
    from,
    jobId,
    node,
    tmpdir: tmp?.path ?? "",
    until: left === undefined ? undefined : nodeNow() + left,
    keepDir: boot.keepDir,
    incarnation,
    generation,
    persist: boot.persist,
  }
  return new WorkerProcess(new URL("./worker.js", import.meta.url), process.env, init, output)
}

const first = problem === undefined ? startWorker(0) : undefined
const { Supervisor } = await import("./supervisor.ts")
const who = { boot, facts, jobId, shared: taken.shared, node, incarnation, leftMs, from }
const supervisor = new Supervisor({ ...who, tmp, first, startWorker, problem, feed, outlets })
onSignal = signal => supervisor.signalled(signal)
for (const { signal, at } of early) supervisor.signalled(signal, at)
await supervisor.run()
