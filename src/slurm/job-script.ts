/**
 * The batch script of a runner: the user's text and the line that starts the supervisor. Pure text; knows no options and
 * runs nothing.
 */
import { OptionError } from "../shared/errors.ts"
import { scriptError } from "./directives.ts"

/** A line of `slurmJob` that stands for the runner's start, where that is not to be the last line. */
export const PLACEHOLDER = "{{runner}}"

/**
 * The script to submit. `text` stays as it is, byte for byte, in front of `exec <command>`; without `text` there is only
 * a shebang. A line of `{{runner}}` alone becomes the exec line; within a longer line (`srun {{runner}}`) it becomes the
 * command without `exec`, and what surrounds it is the user's business.
 *
 * `exec`, because Slurm signals the batch shell only: as the shell's child the supervisor would never hear SIGTERM and be
 * killed together with the shell.
 * @throws OptionError when the runner could certainly not start.
 */
export function composeScript(text: string | undefined, command: readonly string[]): string {
  const start = command.map(shellQuote).join(" ")
  if (text === undefined) return `#!/bin/bash\nexec ${start}\n`
  const lines = text.split("\n")
  const places = lines.flatMap((line, i) => (line.includes(PLACEHOLDER) && !/^\s*#/.test(line) ? [i] : []))
  if (places.length > 1) {
    throw new OptionError(
      "slurmJob",
      `\`slurmJob\` holds ${PLACEHOLDER} on lines ${places.map(i => i + 1).join(" and ")}: one job is one runner`,
      { hint: "keep one of them" },
    )
  }
  const place = places[0]
  if (place === undefined) {
    checkEnd(lines)
    return `${text}${text.endsWith("\n") ? "" : "\n"}exec ${start}\n`
  }
  const line = lines[place]!
  lines[place] =
    line.trim() === PLACEHOLDER
      ? line.replace(PLACEHOLDER, () => `exec ${start}`)
      : line.replace(PLACEHOLDER, () => start)
  return lines.join("\n")
}

/** Refuses an end behind which our line would not run. Only what is sure: the last command, not indented, on its own. */
function checkEnd(lines: readonly string[]): void {
  const last = lines.findLastIndex(line => line.trim() !== "" && !/^\s*#/.test(line))
  if (last < 0) return
  const line = lines[last]!
  if (/(^|[^\\])(\\\\)*\\$/.test(line) && last === lines.findLastIndex(text => text !== "")) {
    throw scriptError(
      last + 1,
      "ends in a backslash, which would swallow the runner's start line",
      "remove the backslash",
    )
  }
  const continued = last > 0 && /(\\|&&|\|)\s*$/.test(lines[last - 1]!)
  const leaves = /^exit\b[^&|]*$/.test(line) || /^exec\s+[^\s<>&|\d][^&|]*$/.test(line)
  if (leaves && !continued) {
    throw scriptError(
      last + 1,
      `leaves the script, so the runner would never start: ${line.trim()}`,
      `remove the line, or put a line ${PLACEHOLDER} where the runner is to start`,
    )
  }
}

/** One word for a POSIX shell. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
