/** Where the library's own words go. Owns the interface (pino's argument order) and the default that writes to stderr. */

/** Takes what pino, or anything shaped like it, takes. */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

const LEVELS = ["debug", "info", "warn", "error"] as const

const textOf = (value: unknown): string => (value instanceof Error ? value.message : String(value))

/** Writes lines to stderr, from `SLURM_FLAME_LOG` (debug, info, warn, error, silent) on; default `warn`. */
export function stderrLogger(env: NodeJS.ProcessEnv = process.env): Logger {
  const wanted = env.SLURM_FLAME_LOG ?? "warn"
  const from = wanted === "silent" ? LEVELS.length : Math.max(0, LEVELS.indexOf(wanted as (typeof LEVELS)[number]))
  const write =
    (level: (typeof LEVELS)[number]) =>
    (fields: object, message = ""): void => {
      if (LEVELS.indexOf(level) < from) return
      const { error, ...others } = fields as { error?: unknown }
      const text = error === undefined ? message : `${message}: ${textOf(error)}`
      const [head, ...more] = text.split("\n") // the fields belong to the first line, not to a hint under it
      const rest = Object.entries(others).map(([name, value]) => ` ${name}=${textOf(value)}`)
      process.stderr.write(`slurm-flame ${level}: ${[`${head}${rest.join("")}`, ...more].join("\n")}\n`)
    }
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") }
}

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
