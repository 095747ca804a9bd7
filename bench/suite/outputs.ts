/**
 * Where a report goes: a file of JSON, a page, plots, a comparison in words. Owns what is written where, that what cannot be written or
 * compared is known before anything is measured, and that what cannot be written at the end costs nothing else. Knows no subject and no
 * group.
 */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { type Comparison, compareReports } from "./compare/compare.ts"
import { comparisonText } from "./compare/words.ts"
import { htmlOf } from "./html/page.ts"
import { checkedTarget, identityOf, makeDirectory, type Target, writeWhole } from "./output-file.ts"
import { svgFiles } from "./plots/plots.ts"
import type { Report } from "./report.ts"
import { readReport } from "./report-file.ts"

/** As the command line gives them: paths. */
export interface OutputPaths {
  readonly json?: string
  readonly html?: string
  /** A directory, which is made. */
  readonly svg?: string
  /** An older report. */
  readonly compare?: string
  /** Where the report itself is from, when it is measured no more: then it need not be kept. */
  readonly from?: string
}

/** What is done with a report once there is one. */
export interface Outputs {
  /** Writes all that can be written. Throws nothing. */
  write(report: Report): Promise<Written>
}

export interface Written {
  /** For the terminal; undefined when there is nothing to say. */
  readonly words: string | undefined
  /** What could not be done, a sentence each. */
  readonly failures: readonly string[]
}

/** Reads the report to compare with and looks whether all can be written. @throws OutputError otherwise */
export async function prepareOutputs(paths: OutputPaths): Promise<Outputs> {
  const { json, html, svg, compare, from } = paths
  if (svg !== undefined) attempt("svg", svg, makeDirectory)
  const toJson = json === undefined ? undefined : attempt("json", json, checkedTarget)
  const toHtml = html === undefined ? undefined : attempt("html", html, checkedTarget)
  refuseTheSame(paths, { json: toJson, html: toHtml })
  const old = compare === undefined ? undefined : await reportFor("compare", compare)
  return {
    async write(report) {
      const failures: string[] = []
      const done = async (what: string, work: () => unknown) => {
        try {
          await work()
          return true
        } catch (error) {
          failures.push(`${what}: ${(error as Error).message}`)
          return false
        }
      }
      const text = `${JSON.stringify(report, null, 1)}\n`
      // First what took an hour to measure: drawing it can be done again.
      const kept = toJson !== undefined && (await done(`--json ${json}`, () => writeWhole(toJson, text)))
      let comparison: Comparison | undefined
      let words: string | undefined
      if (old) {
        await done(`--compare ${compare}`, () => {
          comparison = compareReports(old, report)
          words = comparisonText(comparison)
        })
      }
      if (toHtml) await done(`--html ${html}`, () => writeWhole(toHtml, htmlOf(report, comparison)))
      if (svg !== undefined) await done(`--svg ${svg}`, () => writePlots(svg, report))
      if (failures.length > 0 && !kept && from === undefined) failures.push(keep(text))
      return { words, failures }
    },
  }
}

/** A path that will not do. */
export class OutputError extends Error {
  override name = "OutputError"
  readonly option: string
  constructor(option: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.option = option
  }
}

/** A report that an option names. @throws OutputError that says what is wrong with it, and where */
export async function reportFor(option: string, file: string): Promise<Report> {
  return await readReport(file).catch((cause: Error) => {
    throw new OutputError(option, `--${option}: ${cause.message}`, { cause })
  })
}

function attempt<T>(option: string, file: string, look: (file: string) => T): T {
  try {
    return look(file)
  } catch (cause) {
    throw new OutputError(option, `--${option} ${file || '""'}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Two outputs in one file are one too few; and a report that is read is never written over, as it may be the only one of its day. A device
 * (/dev/null) and a pipe take whatever comes.
 */
function refuseTheSame(paths: OutputPaths, targets: Readonly<Record<"json" | "html", Target | undefined>>): void {
  const taken = new Map<string, string>()
  for (const option of ["compare", "from"] as const) {
    const identity = paths[option] === undefined ? undefined : identityOf(paths[option])
    if (identity !== undefined) taken.set(identity, option)
  }
  for (const option of ["json", "html"] as const) {
    const target = targets[option]
    if (!target || target.kind === "device" || target.kind === "stream") continue
    const other = taken.get(target.identity)
    if (other !== undefined) {
      const why = other === "json" ? "is where --json is written" : `is the report that --${other} reads`
      throw new OutputError(option, `--${option} ${paths[option]}: that ${why}: name another file`)
    }
    taken.set(target.identity, option)
  }
}

async function writePlots(directory: string, report: Report): Promise<void> {
  const plots = [...svgFiles(report)]
  for (const [i, [name, text]] of plots.entries()) {
    try {
      await writeWhole(checkedTarget(path.join(directory, name)), text)
    } catch (cause) {
      throw new Error(`${i} of ${plots.length} plots are written, ${name} is not: ${(cause as Error).message}`, {
        cause,
      })
    }
  }
}

/** The report has nowhere to go, and measuring it took long. @returns what became of it */
function keep(text: string): string {
  try {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "slurm-flame-bench-")), "report.json")
    writeFileSync(file, text)
    return `the report itself is in ${file}: --from ${file} draws and compares it`
  } catch (error) {
    return `the report could not be kept in ${tmpdir()} either, and is lost: ${(error as Error).message}`
  }
}
