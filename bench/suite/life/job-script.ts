/**
 * What the suite writes into the user's job script: the time just before the runner starts, or an empty job in the runner's place. Text
 * alone; the user's own lines stay as they are, and run before.
 */

/** Has the time of the line before the runner's, in seconds since 1970: in the environment of all that starts there. */
export const STAMP_VARIABLE = "FLAME_BENCH_EXEC"

/** Bash has it without a process; other shells ask date. */
const STAMP = `export ${STAMP_VARIABLE}="\${EPOCHREALTIME:-$(date +%s.%N)}"`

const PLACEHOLDER = "{{runner}}"
const HEAD = "#!/bin/bash\n"

/** The script with a line that notes the time in front of the runner's; as it is where its shell would not understand that line. */
export function stamped(script = HEAD): string {
  if (/^#!.*(?:[\s/])(?:t?csh|fish|rc|python\d*|perl)\b/.test(script)) return script
  const lines = script.split("\n")
  const place = placeOf(lines)
  if (place >= 0) return lines.toSpliced(place, 0, STAMP).join("\n")
  return `${script}${script.endsWith("\n") ? "" : "\n"}${STAMP}\n`
}

/**
 * The script with a job in the runner's place that only says that it runs: it connects to `host:port`, and ends when that connection does.
 * What this costs, Slurm and the user's own lines cost.
 */
export function emptyJob(script: string | undefined, host: string, port: number): string {
  const lines = (script ?? HEAD).split("\n")
  const place = placeOf(lines)
  const mine = `bash -c 'exec 3<>/dev/tcp/${host}/${port} && cat <&3 >/dev/null'`
  const head = place >= 0 ? lines.slice(0, place) : lines
  // In a condition: so the line behind it, which nobody is to reach, is none that follows an end of the script.
  return `${head.join("\n")}${head.at(-1) === "" ? "" : "\n"}if ${mine}; then exit 0; else exit 1; fi\n`
}

/** The number of the line that starts the runner, from 0; -1: it is added behind the last one. */
function placeOf(lines: readonly string[]): number {
  return lines.findIndex(line => line.includes(PLACEHOLDER) && !/^\s*#/.test(line))
}

/** The stamp in ms since 1970; undefined when there is none, or a shell wrote something else. */
export function stampMs(text: string | undefined): number | undefined {
  const match = /^(\d{9,})[.,](\d+)$/.exec(text ?? "") // the point is a comma in some languages
  return match ? Number(`${match[1]}.${match[2]}`) * 1_000 : undefined
}
