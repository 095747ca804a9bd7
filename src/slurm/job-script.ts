/**
 * The batch script of a runner: the user's text and the lines that start the supervisor. Pure text; knows no options and
 * runs nothing.
 */
import { OptionError } from "../shared/errors.ts"
import { scriptError } from "./directives.ts"
import { PLAIN, type StartForm, startLines } from "./start-lines.ts"

/** A line of `slurmJob` that stands for the runner's start, where that is not to be the last line. */
export const PLACEHOLDER = "{{runner}}"

/**
 * The script to submit. `text` stays as it is, byte for byte, in front of `exec <command>`, or of what another `form` needs;
 * without `text` there is only a shebang. A line of `{{runner}}` alone becomes those lines; within a longer line
 * (`exec apptainer exec node.sif {{runner}}`) it becomes the command without `exec`, and what surrounds it is the user's business.
 * @throws OptionError when the runner could certainly not start.
 */
export function composeScript(text: string | undefined, command: readonly string[], form: StartForm = PLAIN): string {
  const start = command.map(shellQuote).join(" ")
  const whole = startLines(start, form).join("\n")
  if (text === undefined) return `#!/bin/bash\n${whole}\n`
  if (form.tasks > 1 || form.epilogue !== undefined) checkShell(text, form)
  const lines = text.split("\n")
  const places = placesOf(lines)
  if (places.length > 1) {
    throw new OptionError(
      "slurmJob",
      `\`slurmJob\` holds ${PLACEHOLDER} on lines ${places.map(i => i + 1).join(" and ")}: one job is started once`,
      { hint: "keep one of them" },
    )
  }
  const place = places[0]
  if (place === undefined) {
    checkEnd(lines)
    return `${text}${text.endsWith("\n") ? "" : "\n"}${whole}\n`
  }
  const line = lines[place]!
  const alone = line.trim() === PLACEHOLDER
  if (!alone) checkSurrounded(place + 1, form)
  lines[place] = line.replace(PLACEHOLDER, () => (alone ? whole : start))
  return lines.join("\n")
}

/** The numbers, from 0, of the lines that hold the placeholder and are no comments. */
export function placesOf(lines: readonly string[]): number[] {
  return lines.flatMap((line, i) => (line.includes(PLACEHOLDER) && !/^\s*#/.test(line) ? [i] : []))
}

const optionOf = ({ tasks }: StartForm) => (tasks > 1 ? "`runnersPerJob`" : "`epilogue`")

/** `exec` is understood by every shell; what else is needed is not. */
function checkShell(text: string, form: StartForm): void {
  const shebang = text.split("\n", 1)[0]!
  if (!/(?:^|[\s/])(?:t?csh|fish|rc)(?:\s|$)/.test(shebang.slice(2))) return
  throw scriptError(1, `(${shebang}) does not go with ${optionOf(form)}`, "use `#!/bin/bash` or another POSIX shell")
}

function checkSurrounded(line: number, form: StartForm): void {
  if (form.tasks === 1 && form.epilogue === undefined) return
  const hint =
    form.tasks > 1
      ? `give ${PLACEHOLDER} a line of its own: the runners are started with srun`
      : "write the lines for after the runner's end below that line, without `exec`"
  throw scriptError(line, `holds more than ${PLACEHOLDER}, which does not go with ${optionOf(form)}`, hint)
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
