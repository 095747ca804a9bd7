/**
 * What the checks of options have in common: unknown names, whole numbers, finite times. Of options it knows only those that
 * are looked for in the wrong place.
 */
import { isAbsolute, normalize } from "node:path"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import { suggest } from "../shared/suggest.ts"

/** Options that belong to the backend, and are looked for here by who knows FLAME. */
const BACKEND_OPTIONS = new Set(["slurmJob", "sbatch", "interface", "partition", "time"])

/** @throws OptionError with the nearest known name. */
export function rejectUnknown(options: object, known: readonly string[], where: string): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new OptionError("options", `the options of ${where} must be an object, got ${show(options)}`, {
      hint: `known: ${known.join(", ")}`,
    })
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    if (where === "createPool" && BACKEND_OPTIONS.has(name)) {
      throw new OptionError(name, `\`${name}\` is an option of the backend, not of createPool`, {
        hint: `createPool({ backend: slurm({ ${name}: … }), … })`,
      })
    }
    const near = suggest(name, known)
    const meant = near === undefined ? "" : `. Did you mean \`${near}\`?`
    throw new OptionError(name, `unknown option \`${name}\` of ${where}${meant}`, {
      hint: `known: ${known.join(", ")}`,
    })
  }
}

/** @param missing What to say when there is none. @throws OptionError */
export function wholeNumber(value: unknown, option: string, least: number, missing?: string): number {
  if (value === undefined && missing !== undefined) {
    throw new OptionError(option, missing, { hint: `createPool({ ${option}: 4, … })` })
  }
  if (typeof value === "number" && Number.isInteger(value) && value >= least) return value
  throw new OptionError(option, `\`${option}\` must be a whole number of at least ${least}, got ${show(value)}`)
}

/** @throws OptionError */
export function finite(ms: number, option: string, least = 0): number {
  if (Number.isFinite(ms) && ms >= least) return ms
  throw new OptionError(option, `\`${option}\` must be a finite time${least > 0 ? ` of at least ${least} ms` : ""}`)
}

/** @throws OptionError when it is given and not the absolute path of anything. */
export function absolutePath(value: unknown, option: string): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === "string" && isAbsolute(value) && !value.includes("\0")) return normalize(value)
  throw new OptionError(option, `\`${option}\` must be an absolute path, got ${show(value)}`, {
    hint: `${option}: '/scratch/me/results', on a file system that this host and the nodes share`,
  })
}

/** @throws OptionError when it is neither true nor false. */
export function flag<N extends string>(
  options: { readonly [K in N]?: unknown },
  name: N,
  hint?: string,
): boolean | undefined {
  const value: unknown = options[name]
  if (value === undefined || typeof value === "boolean") return value
  throw new OptionError(name, `\`${name}\` is true or false, got ${show(value)}`, { hint })
}

/** @param where Whose function it is. @param example How it is used. @throws OptionError */
export function checkFunction(fn: unknown, where: string, example: string): void {
  if (typeof fn === "function") return
  throw new OptionError("fn", `${where} takes a function, got ${show(fn)}`, { hint: example })
}
