/**
 * Reads the `#SBATCH` head of a batch script the way sbatch does, and finds what sbatch would drop without a word. Owns
 * the text rules; which options a runner's script may set is decided in submission.ts.
 */
import { OptionError } from "../shared/errors.ts"
import { LONG_OPTIONS, resolveLong, SHORT_OPTIONS } from "./sbatch-options.ts"

/** One option of a script's head. */
export interface Directive {
  /** Long name without dashes, abbreviations resolved: `job-name`. */
  readonly name: string
  readonly value: string | undefined
  /** Line number in the script, from 1. */
  readonly line: number
}

/** sbatch asks for no blank behind it. */
const DIRECTIVE = /^#SBATCH/

/**
 * The options in the head of `script`, in order (of two equal ones sbatch takes the later).
 * @throws OptionError with the line where sbatch would refuse the script or silently ignore a part of it.
 */
export function parseHead(script: string): Directive[] {
  checkText(script)
  const found: Directive[] = []
  let firstCommand = 0
  let hereDocument: string | undefined
  for (const [index, line] of script.split("\n").entries()) {
    if (hereDocument !== undefined) {
      if (line.trim() === hereDocument) hereDocument = undefined
    } else if (DIRECTIVE.test(line)) {
      if (firstCommand > 0) throw lateDirective(line, index + 1, firstCommand)
      found.push(...parseWords(words(line.replace(DIRECTIVE, "")), index + 1))
    } else if (/^\s+#SBATCH/.test(line)) {
      throw scriptError(
        index + 1,
        `begins with a blank, so sbatch would take it for a comment: ${line.trim()}`,
        "begin the line with #SBATCH (`##SBATCH` for one that is not to count)",
      )
    } else if (!/^\s*(#|$)/.test(line)) {
      firstCommand ||= index + 1
      // What a script writes into a file of its own is not for this sbatch.
      hereDocument = /(?<!<)<<-?\s*(["']?)([A-Za-z_]\w*)\1/.exec(line)?.[2]
    }
  }
  return found
}

function checkText(script: string): void {
  const line = script.split("\n").findIndex(text => text.endsWith("\r")) + 1
  if (line > 0) {
    throw scriptError(line, "ends in CR LF (DOS line end)", "sbatch refuses such a script; use plain \\n line ends")
  }
  if (script.includes("\0")) throw new OptionError("slurmJob", "`slurmJob` holds a NUL character: sbatch refuses it")
  if (script.trim() === "") {
    throw new OptionError("slurmJob", "`slurmJob` is empty", {
      hint: "leave it out for the site's defaults, or start it with `#!/bin/bash`",
    })
  }
  if (!script.startsWith("#!")) {
    const hint = /^\s+#!/.test(script)
      ? "it stands further down: put it right behind the opening quote, with nothing before it"
      : "start the text with `#!/bin/bash`"
    throw scriptError(1, "is no shebang (`#!/bin/bash`), so sbatch would refuse the script", hint)
  }
  const shebang = /^#!.*/.exec(script)![0]
  const interpreter = shebang.slice(2).trim().split(/\s+/)
  const program = interpreter[0]!.endsWith("/env")
    ? interpreter.find((word, i) => i > 0 && !word.startsWith("-"))
    : interpreter[0]
  if (!program?.endsWith("sh")) {
    throw scriptError(
      1,
      `starts no shell (\`${shebang}\`)`,
      "the line that starts the runner is shell: use `#!/bin/bash`",
    )
  }
}

function lateDirective(line: string, number: number, firstCommand: number): OptionError {
  return scriptError(
    number,
    `comes after the first command (line ${firstCommand}), so sbatch would ignore it: ${line.trim()}`,
    "move all #SBATCH lines to the top, right below the shebang",
  )
}

/** An OptionError about one line of `slurmJob`. */
export function scriptError(line: number, what: string, hint: string): OptionError {
  return new OptionError("slurmJob", `\`slurmJob\` line ${line} ${what}`, { hint })
}

/** Splits at blanks outside quotes; a word that begins with `#` starts a comment. */
function words(text: string): string[] {
  const result: string[] = []
  for (const match of text.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    if (match[0].startsWith("#")) break
    result.push(
      match[0].replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) =>
        double !== undefined ? double.replace(/\\(.)/g, "$1") : (single ?? escaped),
      ),
    )
  }
  return result
}

/** Takes words apart as getopt does: `--name=v`, `--name v`, `-n4`, `-n 4`, `-HW`. */
function parseWords(all: string[], line: number): Directive[] {
  const found: Directive[] = []
  const rest = [...all]
  if (rest[0] !== undefined && !rest[0].startsWith("-")) {
    throw scriptError(
      line,
      `has no option of sbatch's: ${rest[0]}`,
      "options begin with a dash: `#SBATCH --time=1:00:00`",
    )
  }
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word)
    if (long) {
      const name = resolveLong(long[1]!)
      const value = long[2] ?? (LONG_OPTIONS.get(name) === "value" ? rest.shift() : undefined)
      found.push({ name, value, line })
    } else if (/^-[A-Za-z]/.test(word)) {
      for (let i = 1; i < word.length; i++) {
        const name = SHORT_OPTIONS[word[i]!] ?? word[i]!
        const takesValue = LONG_OPTIONS.get(name) === "value"
        found.push({ name, value: takesValue ? word.slice(i + 1) || rest.shift() : undefined, line })
        if (takesValue) break
      }
    }
  }
  return found
}
