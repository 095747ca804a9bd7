/**
 * One submission: what is put on sbatch's command line and what into its standard input. Joins the options, the head of
 * the user's script and what a runner needs; pure, so that it can be shown without being done.
 */
import { isAbsolute, join } from "node:path"
import type { RunnerSpec } from "../shared/backend.ts"
import { OptionError } from "../shared/errors.ts"
import { type Directive, parseHead, scriptError } from "./directives.ts"
import { composeScript } from "./job-script.ts"
import type { LogPattern } from "./log-file.ts"
import { ownedReason, type Settings } from "./options.ts"
import { scriptWarnings, warningText } from "./script-warnings.ts"
import { signalTarget } from "./start-lines.ts"
import { parseTimeLimit } from "./time.ts"

/** Where a submission takes place. */
export interface Site {
  /** Directory for the logs of jobs whose user named no output file. */
  readonly logDir: string
  /** sbatch's working directory, the job's as well unless `chdir` says otherwise. */
  readonly cwd: string
  /** Makes this submission's name unlike that of any other: `[0-9a-f]+`. */
  readonly nonce: string
}

export interface Submission {
  /** Arguments of sbatch. Others can see them: nothing secret may be here. */
  readonly argv: readonly string[]
  readonly script: string
  /** Unique; the job's name or the last word of its comment. Finds the job, or the array, when sbatch's answer was lost. */
  readonly tag: string
  /** Where the job's stderr goes. */
  readonly log: LogPattern
  /** How long before the walltime SIGTERM is asked for. */
  readonly signalSeconds: number
  /** The time limit that is asked for, in ms: whole minutes, as Slurm rounds it. Undefined: the site's, or none. */
  readonly limitMs: number | undefined
  /** Slurm may put the job back into the queue and start it again. */
  readonly requeues: boolean
  /** What looks wrong in it and may yet be meant, in words. */
  readonly warnings: readonly string[]
}

const DEFAULT_SIGNAL_SECONDS = 60

/**
 * Composes the submission of one runner, or of `runners`, of which `spec` is the first: as tasks of one job where `runnersPerJob`
 * says so, else as an array. `text` is what `slurmJob` gave.
 * @throws OptionError when the options, the script and a runner's needs do not go together.
 */
export function composeSubmission(
  settings: Settings,
  spec: Pick<RunnerSpec, "runnerId" | "pool" | "entry" | "nodeArgs">,
  text: string | undefined,
  site: Site,
  runners = 1,
): Submission {
  const head = text === undefined ? [] : parseHead(text)
  checkDirectives(head)
  const given = (name: string) => value(settings.sbatch.get(name)) ?? head.findLast(d => d.name === name)?.value
  const has = (name: string) => settings.sbatch.has(name) || head.some(d => d.name === name)

  const shared = settings.runnersPerJob > 1
  const form = { tasks: shared ? runners : 1, epilogue: settings.epilogue }
  const tasks = shared ? 1 : runners
  const tag = `flame-${spec.pool.replace(/[^\w.-]+/g, "-").slice(0, 40)}-${spec.runnerId}-${site.nonce}`
  const argv = [...settings.sbatch].flatMap(([name, v]) =>
    name === "comment" ? [] : [v === true ? `--${name}` : `--${name}=${v}`],
  )
  const lead = signalSeconds(settings, given("time"))
  argv.push("--parsable", `--signal=${signalTarget(form)}TERM@${lead}`)
  // One that is left over, too: it is to take no more of what is asked for by task or by node than it needs.
  if (shared) {
    if (has("ntasks")) checkTasks(given("ntasks"), form.tasks)
    else argv.push(`--ntasks=${form.tasks}`)
  }
  if (tasks > 1) argv.push(`--array=0-${tasks - 1}`)
  // A requeued job comes back under the same id, while its old process may still be running on a lost node: whoever wants that
  // has to say so.
  if (!has("requeue") && !has("no-requeue")) argv.push("--no-requeue")
  // The tag must be found again, so it goes where the user left room for it.
  if (!has("job-name")) argv.push(`--job-name=${tag}`)
  const comment = given("comment")
  if (has("job-name")) argv.push(`--comment=${comment === undefined ? tag : `${comment} ${tag}`}`)
  else if (settings.sbatch.has("comment")) argv.push(`--comment=${comment}`)
  if (!head.some(d => d.name === "export")) argv.push("--export=ALL")

  const chdir = given("chdir")
  const cwd = chdir === undefined ? site.cwd : isAbsolute(chdir) ? chdir : join(site.cwd, chdir)
  const jobName = given("job-name") ?? tag
  const file = given("error") ?? given("output")
  const ownLog = file === undefined
  const path = file ?? join(site.logDir.replaceAll("%", "%%"), `${tag}.${tasks > 1 ? "%A_%a" : "%j"}.log`)
  if (ownLog) argv.push(`--output=${path}`)
  return {
    argv,
    script: composeScript(text, [settings.node, ...spec.nodeArgs, spec.entry], form),
    tag,
    log: { path, cwd, jobName, own: ownLog },
    signalSeconds: lead,
    limitMs: wholeMinutes(given("time")),
    requeues: has("requeue"),
    warnings: [
      ...(text === undefined ? [] : scriptWarnings(text, form).map(warningText)),
      ...(file === undefined || /%|^\/dev\//.test(file) ? [] : [sharedLog(file)]),
    ],
  }
}

function sharedLog(file: string): string {
  return `all jobs of the pool would write to one file, ${file}, each from its beginning\n  hint: name it by the job: \`%j\` stands for its id`
}

/** @throws OptionError where Slurm would give the job fewer tasks than it is to have runners. */
function checkTasks(ntasks: string | undefined, runners: number): void {
  const count = Number(ntasks)
  if (!Number.isInteger(count) || count >= runners) return // what is no number is for sbatch to judge
  throw new OptionError(
    "runnersPerJob",
    `\`runnersPerJob\` is ${runners}, but the job has only ${count} tasks (--ntasks)`,
    {
      hint: "leave ntasks out, it follows from `runnersPerJob`; or ask for at least as many",
    },
  )
}

function value(option: string | true | undefined): string | undefined {
  return option === true ? undefined : option
}

function checkDirectives(head: readonly Directive[]): void {
  for (const { name, value, line } of head) {
    if (name === "export") {
      // sbatch adds the whole environment only where the list begins with ALL; without it the runner has no key.
      if (!/^all(,|$)/i.test(value ?? "")) {
        throw scriptError(
          line,
          `has --export=${value ?? ""}, which would keep the runner's key from it`,
          "begin the list with ALL (`--export=ALL,NAME=value`), or set variables with the pool's `env`",
        )
      }
      continue
    }
    const reason = ownedReason(name)
    if (reason) throw scriptError(line, `sets --${name}, which cannot be set for a runner`, reason)
  }
}

const MINUTE_MS = 60_000

function wholeMinutes(time: string | undefined): number | undefined {
  const limit = time === undefined ? undefined : parseTimeLimit(time)
  return limit === undefined || !Number.isFinite(limit) ? undefined : Math.ceil(limit / MINUTE_MS) * MINUTE_MS
}

function signalSeconds(settings: Settings, time: string | undefined): number {
  const limit = (time === undefined ? undefined : parseTimeLimit(time)) ?? Number.POSITIVE_INFINITY
  const wanted = settings.signalBefore
  if (wanted === undefined) return Math.max(1, Math.min(DEFAULT_SIGNAL_SECONDS, Math.floor(limit / 4_000)))
  if (wanted * 1_000 >= limit) {
    throw new OptionError(
      "signalBefore",
      `\`signalBefore\` (${wanted}s) is as long as the job's time limit (${time}): it would drain as soon as it starts`,
      { hint: "give the job more time, or signal later" },
    )
  }
  return wanted
}
