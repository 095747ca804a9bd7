/** The options of a pool: types, defaults, and checks that name the option and say what to do. */
import type { Backend } from "../shared/backend.ts"
import { type Duration, formatMs, type Infinite, toMs } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { RunnerInfo } from "./events.ts"
import type { GrowCallbacks } from "./grow-hooks.ts"
import { type Logger, silentLogger, stderrLogger } from "./logger.ts"
import { type BundleOption, ModuleSource } from "./module-source.ts"
import { absolutePath, finite, flag, rejectUnknown, wholeNumber } from "./option-checks.ts"
import { checkPersist } from "./persist-option.ts"

/** Options of `createPool`. Durations are milliseconds, or '30s', '5m', '1-12:00:00'. */
export interface PoolOptions extends GrowCallbacks {
  /** The module whose exports are the API: `new URL("./train.ts", import.meta.url)`, or an absolute path. */
  module: URL | string
  /** Where runners run: `slurm(…)` or `local(…)`. @default local() */
  backend?: Backend
  /** Most runners at a time. Required: the size of the bill is never a surprise. */
  max: number
  /** Runners kept alive, also when idle; one that is lost is replaced. Forced to 0 inside a runner. @default 0 */
  min?: number
  /** Calls that run on one runner at a time. @default 1 */
  maxConcurrency?: number
  /** Each runner serves one call, or one lease, and is ended then. @default false */
  singleUse?: boolean
  /**
   * A runner beyond `min` that had nothing to do for so long is ended. With `{ after, when }` only if `when` says so; if not, the time
   * begins anew. @default '30s'
   */
  idleShutdownAfter?: Duration | Infinite | IdleShutdown
  /** The same for the runners of `min`. They come back when work has to wait. @default 'infinity' */
  minIdleShutdownAfter?: Duration | Infinite
  /** Total time of a call: queue + boot + run. @default 'infinity' */
  timeout?: Duration | Infinite
  /** From submission until the runner serves, the wait in Slurm's queue included. @default '10m' */
  bootTimeout?: Duration | Infinite
  /** How long `close()` lets work finish, and how long a runner that is ended may take. @default '30s' */
  shutdownTimeout?: Duration
  /**
   * Whether calls that do not say what time they `need` go only to runners that have as much left as nearly all calls of the same function
   * took (95 of 100, and a quarter more), once 20 have succeeded. Where runners have no end nothing is learned. It never
   * refuses a call. @default true
   */
  learnNeeds?: boolean
  /** Whether resources in results are held by reference: see the option of a call. @default false */
  trackResources?: boolean
  /** In names of jobs, runners and messages: letters, digits, `_`, `-`. @default the module's file name */
  name?: string
  /**
   * Runners outlive a program that ends without `close()`, however it ends: for `orphanTimeout` they wait for another one that makes a pool of the
   * same `name` (then required), module and backend, which takes them back with all that their module has loaded, and gets the results of calls by
   * their `id`. One program at a time. @default false
   */
  persist?: boolean
  /**
   * Where `runner().keep()` moves things: an absolute path on a file system that this host and the nodes share.
   * @default `~/.local/state/slurm-flame/kept/<pool>/<runner>/`
   */
  keepDir?: string
  /** Extra environment of the runners; undefined removes a variable. */
  env?: Record<string, string | undefined>
  /** Bundle the module with esbuild? `external` lists packages to leave out. @default true for TypeScript */
  bundle?: BundleOption
  /** Where the library's own words go: pino, or anything shaped like it; false for silence. @default lines on stderr */
  logger?: Logger | false
  /** Aborting it closes the pool. */
  signal?: AbortSignal
  /**
   * Interval of the pings by which a frozen or unreachable host is noticed, after three of them. A runner that has nothing to do
   * is pinged once in six intervals only, and every interval again when it has: its silence is noticed within nine. @default '5s'
   */
  heartbeat?: Duration
  /**
   * A runner that has not heard of its parent for so long ends itself. (A parent that dies is noticed at once.) With `persist`: for so long it
   * waits for the next one. @default '5m'
   */
  orphanTimeout?: Duration
  /**
   * When a connection is cut and both processes live, it is made anew within this time and no call is lost; after it the
   * runner is given up. @default '60s'
   */
  reconnectTimeout?: Duration
  /**
   * A runner whose walltime is about to end gets a successor, early enough for it to serve before that: if `min` needs it, or if the pool's
   * work does. While both are there they count as one against `max`. @default true
   */
  handover?: boolean
  /**
   * False, for fabrics where nobody else can listen or meddle: plain WebSockets, less work for bulk data. Runners and parent
   * still prove a runner's key to each other before anything else is heard (a mutual challenge, HMAC-SHA256). Lost are
   * secrecy (whoever sees the packets reads modules, arguments and results) and the protection of what follows the challenge:
   * whoever can change or insert packets can make calls in your name. docs/security.md has more. @default true
   */
  tls?: boolean
}

/** When an idle runner may be ended. */
export interface IdleShutdown {
  after: Duration | Infinite
  /** Asked in the parent each time a runner has been idle for `after`. An error goes to the `error` event and means no. */
  when: (runner: RunnerInfo) => boolean | Promise<boolean>
}

/** What `pool.scale()` changes; what is left out stays. */
export interface ScaleOptions {
  min?: number
  max?: number
}

/** What `createPool` works with: checked, in milliseconds, with defaults. */
export interface PoolSettings extends GrowCallbacks {
  readonly module: ModuleSource
  readonly backend: Backend
  readonly name: string
  readonly persist: boolean
  readonly min: number
  readonly max: number
  readonly maxConcurrency: number
  readonly singleUse: boolean
  readonly idleMs: number
  readonly minIdleMs: number
  readonly mayIdle: IdleShutdown["when"] | undefined
  readonly timeoutMs: number
  readonly bootTimeoutMs: number
  readonly shutdownMs: number
  readonly trackResources: boolean
  readonly learnNeeds: boolean
  readonly heartbeatMs: number
  readonly orphanMs: number
  readonly reconnectMs: number
  readonly handover: boolean
  readonly keepDir: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
  readonly tls: boolean
}

const POOL_OPTIONS = [
  "module",
  "backend",
  "max",
  "min",
  "maxConcurrency",
  "singleUse",
  "idleShutdownAfter",
  "minIdleShutdownAfter",
  "timeout",
  "bootTimeout",
  "shutdownTimeout",
  "trackResources",
  "learnNeeds",
  "name",
  "persist",
  "keepDir",
  "env",
  "bundle",
  "logger",
  "signal",
  "heartbeat",
  "orphanTimeout",
  "reconnectTimeout",
  "handover",
  "tls",
  "onGrowStart",
  "onGrowEnd",
  "onShrink",
] as const satisfies readonly (keyof PoolOptions)[]

/** @throws OptionError naming the first option that is unknown, wrong, or contradicts another. ModuleError when the file is missing. */
export function checkPoolOptions(
  options: PoolOptions,
  defaults: { backend: () => Backend; inRunner: boolean },
): PoolSettings {
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", "createPool() needs options", {
      hint: "createPool({ module: new URL('./train.js', import.meta.url), max: 4 })",
    })
  }
  rejectUnknown(options, POOL_OPTIONS, "createPool")
  const max = wholeNumber(
    options.max,
    "max",
    1,
    "`max` is required: it is the most runners (jobs) there will be at a time",
  )
  const min = wholeNumber(options.min ?? 0, "min", 0)
  checkRange(min, max)
  const module = new ModuleSource(options.module, options.bundle)
  const name = checkPoolName(options.name ?? (module.name.replace(/[^A-Za-z0-9_-]/g, "-").slice(0, 40) || "pool"))
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new OptionError("signal", "`signal` is not an AbortSignal")
  }
  const tls =
    flag(
      options,
      "tls",
      "there is nothing to set up: keys are made by the pool. false is for trusted fabrics, see docs/security.md",
    ) ?? true
  const backend = options.backend ?? defaults.backend()
  if (typeof backend?.submit !== "function") {
    throw new OptionError("backend", "`backend` is not a backend", { hint: "use local() or slurm({ … })" })
  }
  backend.validate()
  const heartbeatMs = finite(toMs(options.heartbeat ?? "5s", "heartbeat"), "heartbeat", 10)
  const orphanMs = finite(toMs(options.orphanTimeout ?? "5m", "orphanTimeout"), "orphanTimeout", 1_000)
  if (orphanMs < 2 * heartbeatMs) {
    throw new OptionError(
      "orphanTimeout",
      `\`orphanTimeout\` (${formatMs(orphanMs)}) is less than twice \`heartbeat\` (${formatMs(heartbeatMs)}): a runner would end between two of them`,
      { hint: "raise `orphanTimeout` or lower `heartbeat`" },
    )
  }
  return {
    module,
    backend,
    name,
    persist: checkPersist(options, backend),
    min: defaults.inRunner ? 0 : min, // a runner that boots runners at its own start would never end
    max,
    maxConcurrency: wholeNumber(options.maxConcurrency ?? 1, "maxConcurrency", 1),
    singleUse: flag(options, "singleUse") ?? false,
    ...checkIdle(options.idleShutdownAfter ?? "30s"),
    minIdleMs: toMs(options.minIdleShutdownAfter ?? "infinity", "minIdleShutdownAfter"),
    ...checkCallbacks(options),
    timeoutMs: toMs(options.timeout ?? "infinity", "timeout"),
    bootTimeoutMs: toMs(options.bootTimeout ?? "10m", "bootTimeout"),
    shutdownMs: finite(toMs(options.shutdownTimeout ?? "30s", "shutdownTimeout"), "shutdownTimeout"),
    trackResources: flag(options, "trackResources") ?? false,
    learnNeeds: flag(options, "learnNeeds") ?? true,
    heartbeatMs,
    orphanMs,
    reconnectMs: finite(toMs(options.reconnectTimeout ?? "60s", "reconnectTimeout"), "reconnectTimeout"),
    handover: flag(options, "handover") ?? true,
    keepDir: absolutePath(options.keepDir, "keepDir"),
    env: checkEnv(options.env),
    logger: checkLogger(options.logger),
    signal: options.signal,
    tls,
  }
}

/** @throws OptionError when it could not be in the names of jobs and files. */
export function checkPoolName(name: unknown): string {
  if (typeof name === "string" && /^[A-Za-z0-9_-]{1,40}$/.test(name)) return name
  throw new OptionError("name", `\`name\` may hold letters, digits, "_" and "-", 40 at most: ${show(name)}`)
}

/**
 * @param now What holds for what is left out.
 * @throws OptionError
 */
export function checkScale(options: ScaleOptions, now: { min: number; max: number }): { min: number; max: number } {
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", `scale() takes an object, got ${show(options)}`, {
      hint: "pool.scale({ max: 20 })",
    })
  }
  rejectUnknown(options, ["min", "max"], "scale()")
  const min = wholeNumber(options.min ?? now.min, "min", 0)
  const max = wholeNumber(options.max ?? now.max, "max", 1)
  checkRange(min, max)
  return { min, max }
}

function checkRange(min: number, max: number): void {
  if (min <= max) return
  throw new OptionError("min", `\`min\` (${min}) is greater than \`max\` (${max})`, {
    hint: "raise `max` or lower `min`",
  })
}

function checkIdle(idle: NonNullable<PoolOptions["idleShutdownAfter"]>): Pick<PoolSettings, "idleMs" | "mayIdle"> {
  if (typeof idle !== "object") return { idleMs: toMs(idle, "idleShutdownAfter"), mayIdle: undefined }
  const hint = "idleShutdownAfter: { after: '30s', when: runner => !queueIsExpected() }"
  if (idle === null) throw new OptionError("idleShutdownAfter", "`idleShutdownAfter` is null", { hint })
  rejectUnknown(idle, ["after", "when"], "`idleShutdownAfter`")
  if (typeof idle.when !== "function") {
    throw new OptionError("idleShutdownAfter", `\`when\` must be a function, got ${show(idle.when)}`, { hint })
  }
  return { idleMs: toMs(idle.after, "idleShutdownAfter"), mayIdle: idle.when }
}

function checkCallbacks(options: PoolOptions): GrowCallbacks {
  const { onGrowStart, onGrowEnd, onShrink } = options
  for (const [name, callback] of Object.entries({ onGrowStart, onGrowEnd, onShrink })) {
    if (callback === undefined || typeof callback === "function") continue
    throw new OptionError(name, `\`${name}\` must be a function, got ${show(callback)}`)
  }
  return { ...(onGrowStart && { onGrowStart }), ...(onGrowEnd && { onGrowEnd }), ...(onShrink && { onShrink }) }
}

function checkEnv(env: unknown): Record<string, string | undefined> {
  if (env === undefined) return {}
  if (typeof env !== "object" || env === null || Array.isArray(env)) {
    throw new OptionError("env", `\`env\` must be an object of variables, got ${show(env)}`, {
      hint: "env: { OMP_NUM_THREADS: '4' }",
    })
  }
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || /[=\0]/.test(name)) {
      throw new OptionError("env", `\`env\` has a variable with an impossible name: ${show(name)}`, {
        hint: "a name is not empty and holds no = and no NUL: env: { OMP_NUM_THREADS: '4' }",
      })
    }
    if (typeof value === "string" && value.includes("\0")) {
      throw new OptionError("env", `\`env.${name}\` holds a NUL, which would end it early: ${show(value)}`, {
        hint: "hand binary data to a call as an argument, not in the environment",
      })
    }
    if (value === undefined || typeof value === "string") continue
    throw new OptionError("env", `\`env.${name}\` must be a string, got ${show(value)}`, {
      hint: "write it in quotes; undefined removes the variable",
    })
  }
  return env as Record<string, string | undefined>
}

function checkLogger(logger: unknown): Logger {
  if (logger === undefined) return stderrLogger()
  if (logger === false) return silentLogger
  const methods = ["debug", "info", "warn", "error"] as const
  const missing = methods.filter(name => typeof (logger as Partial<Logger> | null)?.[name] !== "function")
  if (missing.length === 0) return logger as Logger
  throw new OptionError("logger", `\`logger\` lacks ${missing.join(", ")}: ${show(logger)}`, {
    hint: "pass pino() or console-like methods, or false for silence",
  })
}
