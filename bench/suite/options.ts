/** The command line as options of the suite. Owns the defaults, and that what makes no sense is named together with what does. */
import { OptionError } from "slurm-flame"
import type { SuiteOptions } from "./group.ts"

/** As the command line gives them: text. */
export interface BenchArguments {
  readonly slurm?: boolean
  /** The text of the script. */
  readonly slurmJob?: string
  readonly sbatch?: Readonly<Record<string, string | true>>
  readonly quick?: boolean
  readonly only?: string
  readonly subjects?: string
  readonly json?: string
  readonly html?: string
  readonly svg?: string
  readonly compare?: string
  readonly from?: string
  readonly tls?: boolean
  readonly maxRunners?: string
  readonly shaping?: string
  readonly secondsPerGroup?: string
  readonly installPeers?: boolean
  readonly list?: boolean
}

const SECONDS = { full: 25, quick: 5 }
const MAX_RUNNERS = { full: 8, quick: 4 }

/** @throws OptionError naming what is wrong and what there is */
export function readOptions(
  given: BenchArguments,
  groups: readonly string[],
  subjects: readonly string[],
): { options: SuiteOptions; groups: string[] } {
  const { slurmJob, sbatch = {}, quick = false } = given
  const size = quick ? "quick" : "full"
  const onSlurm = given.slurm === true || slurmJob !== undefined || Object.keys(sbatch).length > 0
  const chosen = given.subjects === undefined ? undefined : readNames(given.subjects, subjects, "subjects", "subject")
  const options: SuiteOptions = {
    backend: onSlurm ? "slurm" : "local",
    ...(slurmJob === undefined ? {} : { slurmJob }),
    ...(onSlurm ? { sbatch } : {}),
    tls: given.tls ?? true,
    quick,
    secondsPerGroup: readNumber(given.secondsPerGroup, "seconds-per-group", 3_600) ?? SECONDS[size],
    maxRunners: readNumber(given.maxRunners, "max-runners", 10_000) ?? MAX_RUNNERS[size],
    ...(given.shaping ? { shaping: given.shaping } : {}),
    ...(chosen ? { subjects: chosen } : {}),
  }
  const only = given.only === undefined ? groups : readNames(given.only, groups, "only", "group")
  // In the order of the suite, whatever the order they were named in.
  return { options, groups: groups.filter(id => only.includes(id)) }
}

/**
 * Names with commas between them; a name may have one itself: the longest that is known counts.
 * @throws OptionError for a name that there is not, or none
 */
export function readNames(text: string, known: readonly string[], option: string, noun: string): string[] {
  const parts = text.split(",").map(part => part.trim())
  const find = (words: string) => known.find(name => name.toLowerCase() === words.toLowerCase())
  const found: string[] = []
  for (let at = 0; at < parts.length; ) {
    let end = parts.length
    while (end > at && !find(parts.slice(at, end).join(", "))) end--
    const name = find(parts.slice(at, end).join(", "))
    if (name === undefined) {
      throw new OptionError(
        option,
        `--${option}: there is no ${noun} ${JSON.stringify(parts[at])}; there are: ${known.join("; ")}`,
      )
    }
    found.push(name)
    at = end
  }
  return [...new Set(found)]
}

function readNumber(text: string | undefined, option: string, most: number): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d*$/.test(text) && Number(text) <= most) return Number(text)
  throw new OptionError(option, `--${option} takes a whole number from 1 to ${most}, not ${JSON.stringify(text)}`)
}
