/**
 * How the doctor's findings look: as lines for a reader, as one JSON document for a program. Pure text; makes no check and
 * writes nothing. The marks are words, so that they survive a pipe, a log file and any locale.
 */
import * as util from "node:util"
import type { CheckResult } from "./check.ts"

type Mark = "ok" | "note" | "FAIL"

const STYLES = { ok: "green", note: "yellow", FAIL: "red" } as const
const MARK_WIDTH = 4
const NAME_WIDTH = 16

/** `text` in the colour of `mark`. */
function paint(mark: Mark, text: string): string {
  // Node has it since 20.12; an older one must come far enough to be told that it is too old. That this is a terminal has
  // been seen to: a newer one would look by itself, and not always at the same stream.
  return util.styleText?.(STYLES[mark], text, { validateStream: false }) ?? text
}

/** True when colour is welcome on `stream`: a terminal, and neither `NO_COLOR` nor a dumb one. */
export function usesColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb"
}

/** `FAIL`: something does not work. `note`: something is missing that is not needed for everything. */
function markOf({ ok, required }: CheckResult): Mark {
  return ok ? "ok" : required ? "FAIL" : "note"
}

/** The lines of one finding, without a newline at the end: mark, name and fact, and below it what to do. */
export function renderCheck(result: CheckResult, colour: boolean): string {
  const mark = markOf(result)
  const word = colour ? paint(mark, mark) : mark
  const margin = " ".repeat(MARK_WIDTH + 2 + NAME_WIDTH + 2)
  const below = (text: string) => text.trimEnd().replaceAll("\n", `\n${margin}`)
  const head = `${word}${" ".repeat(MARK_WIDTH - mark.length)}  ${result.name.padEnd(NAME_WIDTH)}  ${below(result.fact)}`
  return result.advice === null ? head : `${head}\n${margin}-> ${below(result.advice)}`
}

/** True when nothing failed that is used or was asked for. */
export function allWell(results: readonly CheckResult[]): boolean {
  return results.every(result => result.ok || !result.required)
}

/** The last line: what the findings come to. */
export function renderSummary(results: readonly CheckResult[], colour: boolean): string {
  const failed = results.filter(result => markOf(result) === "FAIL").map(result => result.name)
  const noted = results.filter(result => markOf(result) === "note").map(result => result.name)
  const parts = [
    failed.length > 0 ? `does not work: ${failed.join(", ")}` : "all that is needed works",
    ...(noted.length > 0 ? [`see the notes on: ${noted.join(", ")}`] : []),
  ]
  const text = parts.join("; ")
  return colour ? paint(failed.length > 0 ? "FAIL" : "ok", text) : text
}

/** The document of `--json`. */
export function renderJson(version: string, results: readonly CheckResult[]): string {
  return JSON.stringify({ version, ok: allWell(results), checks: results }, null, 2)
}
