/**
 * `slurm-flame doctor`: what works here and what does not. Owns the order of the checks and where their results go; what is
 * checked is in checks/, how it looks in report.ts.
 */
import type { SlurmOptions } from "../slurm/options.ts"
import { type CheckResult, runCheck } from "./check.ts"
import { nodeCheck } from "./checks/node.ts"
import { VERSION } from "./manifest.ts"
import { allWell, renderCheck, renderJson, renderSummary, usesColour } from "./report.ts"
import { type SlurmArguments, slurmOptions } from "./slurm-options.ts"

/** Options of the command, as commander gives them. */
export interface DoctorOptions extends SlurmArguments {
  readonly json?: boolean
  readonly interface?: string
  /** An older name of `slurmJob`. */
  readonly script?: string
  readonly submit?: boolean
}

/**
 * Runs all checks and writes the report to stdout: each line as it is known, or with `json` one document at the end.
 * @returns true when nothing failed that is used or was asked for
 * @throws OptionError when an option makes no sense
 */
export async function doctor(options: DoctorOptions): Promise<boolean> {
  const results: CheckResult[] = []
  const colour = usesColour(process.stdout, process.env)
  const say = (text: string) => {
    if (!options.json) process.stdout.write(`${text}\n`)
  }
  for await (const result of diagnose(options, say)) {
    results.push(result)
    say(renderCheck(result, colour))
  }
  say(`\n${renderSummary(results, colour)}`)
  if (options.json) process.stdout.write(`${renderJson(VERSION, results)}\n`)
  return allWell(results)
}

async function* diagnose(options: DoctorOptions, say: (text: string) => void): AsyncGenerator<CheckResult> {
  const node = await runCheck(nodeCheck())
  if (!node.ok) {
    yield node // the rest might not even load
    return
  }
  const [{ slurm }, { esbuildCheck, programsCheck, sharedFilesCheck }, Slurm, Network, Host] = await Promise.all([
    import("../slurm/backend.ts"),
    import("./checks/files.ts"),
    import("./checks/slurm.ts"),
    import("./checks/network.ts"),
    import("./checks/host.ts"),
  ])
  const backend = slurm(backendOptions(options))
  backend.validate()
  yield node
  for (const check of [programsCheck(), sharedFilesCheck(), esbuildCheck()]) yield await runCheck(check)

  const wanted = options.submit === true || options.partition !== undefined
  const commands = await runCheck(Slurm.commandsCheck(Slurm.findCommands(), wanted))
  yield commands
  let slurmWorks = false
  if (commands.ok) {
    const controller = await runCheck(Slurm.controllerCheck())
    yield controller
    slurmWorks = controller.ok
    if (controller.ok) {
      const partitions = await runCheck(Slurm.partitionsCheck(options.partition))
      yield partitions
      slurmWorks = partitions.ok || !partitions.required // to a partition that is down, a job would wait for ever
    }
  }

  const checks = [
    Network.addressCheck(backend, commands.ok),
    ...Network.connectionChecks(backend),
    ...Host.homeChecks(commands.ok),
    Host.tempCheck(),
    Host.openFilesCheck(),
    Host.clockCheck(),
    (await import("./checks/local.ts")).localCheck(),
  ]
  for (const check of checks) yield await runCheck(check)

  if (!options.submit) return
  if (!slurmWorks) {
    const fact = "not submitted: Slurm takes no job here, as said above"
    yield { name: "job", ok: false, required: true, fact, advice: "mend that first" }
    return
  }
  const { JOB_WAIT, jobChecks } = await import("./checks/job.ts")
  say(`      submitting a job; it may wait in the queue for ${JOB_WAIT} (Ctrl-C cancels it)`)
  yield* jobChecks(backend)
}

/** A job of the doctor's own is short, which lets it slip in early; a script of the user's asks for what it asks for. */
const JOB_TIME = "00:05:00"

/** @throws OptionError */
function backendOptions(options: DoctorOptions): SlurmOptions {
  const slurmJob = options.slurmJob ?? options.script
  const given = slurmOptions(slurmJob === undefined ? options : { ...options, slurmJob })
  return {
    ...(options.interface === undefined ? {} : { interface: options.interface.split(",") }),
    ...given,
    sbatch: slurmJob === undefined ? { time: JOB_TIME, ...given.sbatch } : given.sbatch!,
  }
}
