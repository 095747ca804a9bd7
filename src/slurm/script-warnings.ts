/**
 * What looks wrong in the text of `slurmJob` and may yet be meant: lines that will not do what they seem to. What is wrong for
 * certain is refused, in directives.ts and job-script.ts. Pure text; tells nobody.
 */
import { PLACEHOLDER, placesOf } from "./job-script.ts"
import type { StartForm } from "./start-lines.ts"

/** A line to think about. */
export interface ScriptWarning {
  /** Number of the line in `slurmJob`, from 1. */
  readonly line: number
  /** What about it; completes "`slurmJob` line 7 …". */
  readonly what: string
  readonly hint: string
}

/** The lines of `text` that look wrong, from top to bottom. */
export function scriptWarnings(text: string, form: StartForm): ScriptWarning[] {
  const lines = text.split("\n")
  const found = [...directiveWarnings(lines), ...startWarnings(lines, form), ...trapWarnings(lines, form)]
  return found.sort((a, b) => a.line - b.line)
}

/** In words. */
export function warningText({ line, what, hint }: ScriptWarning): string {
  return `\`slurmJob\` line ${line} ${what}\n  hint: ${hint}`
}

/** `##SBATCH` is how a directive is put out of use; that is meant. */
function directiveWarnings(lines: readonly string[]): ScriptWarning[] {
  return lines.flatMap((text, i) => {
    const line = i + 1
    if (/^\s*#\s+SBATCH\s+-|^\s*#sbatch/i.test(text) && !/^\s*#SBATCH/.test(text)) {
      const what = `is a comment to sbatch, not a directive: ${text.trim()}`
      return [{ line, what, hint: "write `#SBATCH`, or `##SBATCH` for one that is not to count" }]
    }
    if (/^#(PBS|BSUB)\b/.test(text)) {
      const what = `is a directive of another scheduler, which sbatch may follow all the same: ${text.trim()}`
      return [{ line, what, hint: "write what you mean as `#SBATCH`; such lines are not checked" }]
    }
    return []
  })
}

function startWarnings(lines: readonly string[], form: StartForm): ScriptWarning[] {
  const [place] = placesOf(lines)
  if (place === undefined) return []
  const own = lines[place]!
  if (own.trim() !== PLACEHOLDER) return surroundedWarnings(own.trim(), place + 1)
  if (own !== own.trim()) return [] // part of a condition, most likely: what follows it belongs to that
  const next = lines.findIndex((text, i) => i > place && !/^\s*(#|$)/.test(text))
  if (next < 0) return []
  const hint =
    form.epilogue === undefined ? "put it into `epilogue`" : "put it into `epilogue`, where the other lines are"
  return [{ line: next + 1, what: `never runs, the script ends with the runner: ${lines[next]!.trim()}`, hint }]
}

/** Measured on 22.05: a shell that waits for a child in the foreground dies of the SIGTERM, and the child with it. */
function surroundedWarnings(text: string, line: number): ScriptWarning[] {
  if (/\bsrun\b/.test(text)) {
    const what = `puts srun between Slurm and the runner, which then hears no SIGTERM before the walltime: ${text}`
    return [
      { line, what, hint: `leave srun out, or set \`runnersPerJob\`: runners that share a job are started with it` },
    ]
  }
  if (/^exec\s/.test(text)) return []
  const what = `starts the runner as a child of the batch shell, where no SIGTERM reaches it: ${text}`
  return [{ line, what, hint: "begin the line with `exec`" }]
}

function trapWarnings(lines: readonly string[], { tasks, epilogue }: StartForm): ScriptWarning[] {
  if (tasks > 1 || epilogue !== undefined) {
    // Ours is set after it.
    const line = lines.findIndex(text => /^\s*trap\s.*\b(SIG)?TERM\b/.test(text)) + 1
    const what = "sets a trap for SIGTERM that is replaced when the runner starts"
    return line > 0 ? [{ line, what, hint: "what is to run in the end goes into `epilogue`" }] : []
  }
  const line = lines.findIndex(text => /^\s*trap\s.*\b(EXIT|0)\b/.test(text)) + 1
  const what = `sets a trap that never runs, the runner takes the shell's place: ${lines[line - 1]?.trim()}`
  return line > 0 ? [{ line, what, hint: "what is to run in the end goes into `epilogue`" }] : []
}
