/** What a user may say to `slurm()`, and its checked form. Owns the defaults; knows nothing of any one submission. */

import { isIP } from "node:net"
import { isAbsolute } from "node:path"
import { type Duration, toMs } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { suggest } from "../shared/suggest.ts"
import { DEFAULT_MAX_PENDING } from "./backlog.ts"
import { camel, kebab, LONG_OPTIONS, SHORT_OPTIONS } from "./sbatch-options.ts"
import { parseTimeLimit } from "./time.ts"

/** What a `slurmJob` function is told of the runner it writes the script for. */
export interface SlurmJobContext {
  readonly pool: string
  /** Where several runners share the job: the first of them. */
  readonly runnerId: string
}

/** Gives the script of one runner. */
export type SlurmJobFunction = (context: SlurmJobContext) => string | Promise<string>

/** Options of `slurm()`. None is needed: without any, the site's defaults apply. */
export interface SlurmOptions {
  /**
   * The batch script, or a function that gives it for each runner: shebang, `#SBATCH` lines, exports, module loads. The
   * line that starts the runner is added at the end, or takes the place of a line `{{runner}}`.
   */
  slurmJob?: string | SlurmJobFunction
  /**
   * sbatch's long options in camelCase, for its command line (where others can see them): `{ partition: "gpu",
   * cpusPerTask: 4, exclusive: true }`. They win over `#SBATCH` lines. `true` gives the bare option, `false` leaves it out.
   */
  sbatch?: Record<string, string | number | boolean>
  /**
   * The network interface the parent listens on where SLURM_FLAME_HOST is not set, e.g. `ib0`; or several, which runners try
   * in this order: `['ib0', 'eth0']`.
   */
  interface?: string | readonly string[]
  /** Absolute path of the node binary on the compute nodes. Default: the parent's own. */
  node?: string
  /**
   * How long before the walltime SIGTERM is wanted. Slurm may send it up to 30 s earlier. Default: `'60s'`, or a quarter
   * of the job's time limit where that is given and shorter than four minutes.
   */
  signalBefore?: Duration
  /**
   * Most jobs of this program that wait in Slurm's queue at a time, each task of an array counted: a positive integer, or `Infinity`. What
   * is beyond it waits in the program and is submitted when others have started. All pools count together; each may have one job in
   * the queue whatever the others have there. Default: 100.
   */
  maxPending?: number
  /**
   * Shell lines that run when the runner has ended, however it ended, with its exit code in `$?`: once for each job, on its first
   * node. When the job was cancelled they have what is left of Slurm's KillWait. Default: none.
   */
  epilogue?: string
  /**
   * Runners of one job, as tasks of a step on its node or nodes. They share the job's allocation, walltime and end. The pool then
   * grows by so many at a time, as far as `max` allows. Default: 1.
   */
  runnersPerJob?: number
}

/** SlurmOptions after the checks. */
export interface Settings {
  readonly slurmJob: SlurmOptions["slurmJob"]
  /** Long names with dashes. */
  readonly sbatch: ReadonlyMap<string, string | true>
  readonly interface: string | readonly string[] | undefined
  readonly node: string
  /** Whole seconds; undefined where the default applies. */
  readonly signalBefore: number | undefined
  readonly maxPending: number
  readonly epilogue: string | undefined
  readonly runnersPerJob: number
}

const KNOWN = [
  "slurmJob",
  "sbatch",
  "interface",
  "node",
  "signalBefore",
  "maxPending",
  "epilogue",
  "runnersPerJob",
] as const satisfies (keyof SlurmOptions)[]

/** sbatch options that are ours, and what to do instead. */
const OWNED: Readonly<Record<string, string>> = {
  signal: "use `signalBefore`: the runner listens to SIGTERM, and only its batch process may get it",
  parsable: "slurm-flame passes it by itself",
  wait: "sbatch would not return before the job is over",
  wrap: "the script is `slurmJob`",
  array: "the pool makes arrays by itself, of runners that start together; say how many with `min` and `max`",
  export: "the runner needs the whole environment of the parent; set variables with the pool's `env`",
  "export-file": "the runner needs the whole environment of the parent; set variables with the pool's `env`",
  "test-only": "no job would come of it",
  clusters: "jobs of other clusters cannot be watched; start the parent on the cluster its runners are to use",
  help: "no job would come of it",
  usage: "no job would come of it",
  version: "no job would come of it",
}

/** Why sbatch's option `name` (with dashes) is not the user's to set; undefined where it is. */
export function ownedReason(name: string): string | undefined {
  return Object.hasOwn(OWNED, name) ? OWNED[name] : undefined
}

/** @throws OptionError naming the option that is wrong, unknown or not the user's to set. */
export function checkOptions(options: SlurmOptions): Settings {
  if (typeof options !== "object" || options === null) {
    throw new OptionError("backend", `slurm() takes an object of options, not ${String(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(name)) throw unknownOption(name)
  }
  const { slurmJob, signalBefore } = options
  if (slurmJob !== undefined && typeof slurmJob !== "string" && typeof slurmJob !== "function") {
    throw new OptionError("slurmJob", "`slurmJob` must be the text of a batch script, or a function that gives it")
  }
  checkInterface(options.interface)
  if (options.node !== undefined && (typeof options.node !== "string" || !isAbsolute(options.node))) {
    throw new OptionError(
      "node",
      `\`node\` must be the absolute path of a node binary, not ${JSON.stringify(options.node)}`,
      {
        hint: "the path as it is on the compute nodes; PATH there may be another",
      },
    )
  }
  return {
    slurmJob,
    sbatch: checkSbatch(options.sbatch ?? {}),
    interface: options.interface,
    node: options.node ?? process.execPath,
    signalBefore: signalBefore === undefined ? undefined : signalSeconds(signalBefore),
    maxPending: checkMaxPending(options.maxPending),
    epilogue: checkEpilogue(options.epilogue),
    runnersPerJob: checkRunnersPerJob(options.runnersPerJob),
  }
}

/** @throws OptionError */
function checkInterface(given: unknown): void {
  if (given === undefined) return
  const names: unknown[] = Array.isArray(given) ? given : [given]
  const isName = (name: unknown) => typeof name === "string" && /^[^\s,]+$/.test(name) && !isIP(name)
  if (names.length > 0 && names.every(isName)) return
  throw new OptionError(
    "interface",
    `\`interface\` must be the name of a network interface, or a list of names, not ${JSON.stringify(given)}`,
    {
      hint: "for example 'ib0' (`ip -brief addr` lists them) or ['ib0', 'eth0']; to give an address, set SLURM_FLAME_HOST",
    },
  )
}

function checkMaxPending(value: number | undefined): number {
  if (value === undefined) return DEFAULT_MAX_PENDING
  if (value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value > 0)) return value
  throw new OptionError("maxPending", `\`maxPending\` must be a positive integer or Infinity, not ${String(value)}`, {
    hint: "how many jobs may wait in Slurm's queue at a time; `max` of the pool is how many runners there may be",
  })
}

function checkEpilogue(epilogue: unknown): string | undefined {
  if (epilogue === undefined) return undefined
  const wrong = (what: string, hint?: string) =>
    new OptionError("epilogue", `\`epilogue\` ${what}`, hint === undefined ? {} : { hint })
  if (typeof epilogue !== "string") throw wrong(`must be the text of shell lines, not ${typeof epilogue}`)
  if (epilogue.trim() === "") throw wrong("is empty", "leave it out")
  if (/[\r\0]/.test(epilogue)) throw wrong("holds a CR or a NUL character", "use plain \\n line ends")
  if (/(^|[^\\])(\\\\)*\\\s*$/.test(epilogue))
    throw wrong("ends in a backslash, which would swallow the line after it", "remove the backslash")
  const lines = epilogue.split("\n")
  const directive = lines.findIndex(line => /^\s*#SBATCH/.test(line)) + 1
  if (directive > 0)
    throw wrong(
      `line ${directive} is a directive that sbatch would ignore: ${lines[directive - 1]!.trim()}`,
      "put it into `slurmJob` or `sbatch`",
    )
  return epilogue
}

/** The keys of all of them travel in one environment. */
const MOST_PER_JOB = 128

function checkRunnersPerJob(count: unknown = 1): number {
  if (Number.isInteger(count) && (count as number) >= 1 && (count as number) <= MOST_PER_JOB) return count as number
  throw new OptionError(
    "runnersPerJob",
    `\`runnersPerJob\` must be a whole number from 1 to ${MOST_PER_JOB}, not ${show(count)}`,
  )
}

function unknownOption(name: string): OptionError {
  const isSbatch = LONG_OPTIONS.has(kebab(name))
  const near = suggest(name, KNOWN)
  return new OptionError(name, `slurm() has no option \`${name}\``, {
    hint: isSbatch
      ? `it is one of sbatch's: slurm({ sbatch: { ${name}: … } })`
      : `${near ? `did you mean \`${near}\`? ` : ""}Options: ${KNOWN.join(", ")}`,
  })
}

function signalSeconds(value: Duration): number {
  const seconds = Math.ceil(toMs(value, "signalBefore") / 1_000)
  // Slurm keeps it in 16 bits.
  if (seconds < 1 || seconds > 65_535) {
    throw new OptionError("signalBefore", `\`signalBefore\` must be between 1s and 65535s, not ${seconds}s`)
  }
  return seconds
}

function checkSbatch(given: Record<string, string | number | boolean>): Map<string, string | true> {
  if (typeof given !== "object" || given === null) {
    throw new OptionError("sbatch", "`sbatch` must be an object: { partition: 'gpu', time: '1:00:00' }")
  }
  const result = new Map<string, string | true>()
  for (const [key, value] of Object.entries(given)) {
    const option = `sbatch.${key}`
    const name = checkName(key, option)
    if (value === undefined) continue
    if (typeof value === "boolean") {
      const kind = LONG_OPTIONS.get(name)
      if (kind === "value") throw new OptionError(option, `\`${option}\` takes a value, not ${value}`)
      if (value) result.set(name, true)
      else if (name === "requeue") result.set("no-requeue", true)
    } else {
      const text = String(value)
      if ((typeof value !== "string" && !Number.isFinite(value)) || /[\n\0]/.test(text) || text === "") {
        throw new OptionError(
          option,
          `\`${option}\` must be a text of one line, a number or a boolean, not ${JSON.stringify(value)}`,
        )
      }
      if (LONG_OPTIONS.get(name) === "flag")
        throw new OptionError(option, `\`${option}\` takes no value: give true or false`)
      if (name === "time" && parseTimeLimit(text) === undefined) {
        throw new OptionError(option, `\`${option}\` is no time limit of Slurm's: ${JSON.stringify(value)}`, {
          hint: "minutes (90), 'H:MM:SS' ('1:30:00') or 'D-HH:MM:SS'",
        })
      }
      result.set(name, text)
    }
  }
  if (result.has("requeue") && result.has("no-requeue")) {
    throw new OptionError("sbatch.requeue", "`sbatch.requeue` and `sbatch.noRequeue` contradict each other")
  }
  return result
}

function checkName(key: string, option: string): string {
  const long = Object.hasOwn(SHORT_OPTIONS, key) ? SHORT_OPTIONS[key] : undefined
  if (long)
    throw new OptionError(option, `\`${option}\`: give the long name`, { hint: `sbatch: { ${camel(long)}: … }` })
  const name = kebab(key)
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new OptionError(option, `\`${option}\` is no option name of sbatch`)
  const reason = ownedReason(name)
  if (reason) throw new OptionError(option, `\`${option}\` cannot be set for a runner`, { hint: reason })
  if (!LONG_OPTIONS.has(name)) {
    // A name that is near none may be a site's own (SPANK) or newer than our table: sbatch will judge it.
    const near = suggest(camel(name), [...LONG_OPTIONS.keys()].map(camel))
    if (near) throw new OptionError(option, `sbatch has no option \`--${name}\``, { hint: `did you mean \`${near}\`?` })
  }
  return name
}
