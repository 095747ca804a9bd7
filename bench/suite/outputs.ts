/**
 * Where a report goes: a file of JSON, a page, plots, a comparison in words. Owns what is written where, and that what could not be
 * written or compared is known before anything is measured. Knows no subject and no group.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { type Comparison, compareReports } from "./compare/compare.ts"
import { comparisonText } from "./compare/words.ts"
import { htmlOf } from "./html/page.ts"
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
}

/** What is done with a report once there is one. */
export interface Outputs {
  /** @returns the words for the terminal; undefined when there is nothing to say */
  write(report: Report): string | undefined
}

/** Reads the report to compare with and looks whether all can be written. @throws OutputError otherwise */
export async function prepareOutputs({ json, html, svg, compare }: OutputPaths): Promise<Outputs> {
  checkFile("json", json)
  checkFile("html", html)
  if (svg !== undefined) makeDirectory(svg)
  const old = compare === undefined ? undefined : await reportFor("compare", compare)
  return {
    write: report => {
      // First what took an hour to measure: drawing it can be done again.
      if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 1)}\n`)
      const comparison: Comparison | undefined = old && compareReports(old, report)
      if (html !== undefined) writeFileSync(html, htmlOf(report, comparison))
      if (svg !== undefined) {
        for (const [name, text] of svgFiles(report)) writeFileSync(path.join(svg, name), text)
      }
      return comparison && comparisonText(comparison)
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

function checkFile(option: string, file: string | undefined): void {
  if (file === undefined) return
  const directory = path.dirname(path.resolve(file))
  if (!existsSync(directory)) throw new OutputError(option, `--${option} ${file}: there is no directory ${directory}`)
  if (existsSync(file) && statSync(file).isDirectory()) {
    throw new OutputError(option, `--${option} ${file}: that is a directory, name a file`)
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (cause) {
    throw new OutputError("svg", `--svg ${directory}: it cannot be made: ${(cause as Error).message}`, { cause })
  }
}
