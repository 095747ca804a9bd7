/**
 * The file a job's stderr goes to, and its last bytes. Owns sbatch's file name patterns; what the bytes mean is for
 * others to judge.
 */
import { type FileHandle, mkdir, open, readFile, rm, stat } from "node:fs/promises"
import { userInfo } from "node:os"
import { isAbsolute, join } from "node:path"
import { SubmitError } from "../shared/errors.ts"
import { stateDirectory } from "../shared/state-dir.ts"

/** `path` as given to sbatch (`%j` and the like), relative to `cwd`. */
export interface LogPattern {
  readonly path: string
  readonly cwd: string
  readonly jobName: string
  /** It lies in `logDirectory`, which must exist (a job whose output cannot be opened fails without a word), and is ours. */
  readonly own: boolean
}

/** How much of a log is shown. */
const TAIL_BYTES = 4_096

/** Directory of the logs we name ourselves. */
export function logDirectory(env: NodeJS.ProcessEnv): string {
  return join(stateDirectory(env), "logs")
}

/** Sees to it that the directory of our logs is there before a job that writes to it starts. */
export class LogDirectory {
  #made: string | undefined

  /**
   * Makes it where it is missing. After the first time this goes on beside the submission that follows, which takes longer:
   * somebody may have cleaned up meanwhile.
   * @throws SubmitError when it cannot be made.
   */
  async ensure(): Promise<void> {
    const directory = logDirectory(process.env)
    const made = make(directory)
    if (this.#made === directory) {
      made.catch((error: Error) => process.emitWarning(error)) // the job is on its way, and may fail without a word
      return
    }
    await made
    this.#made = directory
  }
}

async function make(directory: string): Promise<void> {
  try {
    // Others are kept out: logs hold what user code prints.
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new SubmitError(`the directory for the jobs' logs cannot be made: ${(cause as Error).message}`, {
      cause,
      hint: "set XDG_STATE_HOME to a directory all nodes share, or name a file with sbatch: { output: … }",
    })
  }
}

/** What a job's log is named after. */
export interface LogFacts {
  /** `<job>`, or `<job>_<task>` for a task of an array. */
  readonly id: string
  /** The job's own number, which a task of an array has only once it has started; of any other job it is the id. */
  readonly number?: string | undefined
  readonly node?: string | undefined
}

/** The absolute path `pattern` stands for. A part that is not known yet, such as the node, stays as it is. */
export function expandLogPath(pattern: LogPattern, facts: LogFacts): string {
  // A backslash anywhere turns sbatch's patterns off and is itself dropped.
  const name = pattern.path.includes("\\")
    ? pattern.path.replaceAll("\\", "")
    : pattern.path.replace(/%(\d*)([%AajJnNstux])/g, (whole, width: string, letter: string) => {
        const text = patternValue(letter, pattern, facts)
        // `%4j` pads numbers only.
        return text === undefined ? whole : /^\d+$/.test(text) ? text.padStart(Math.min(Number(width), 10), "0") : text
      })
  return isAbsolute(name) ? name : join(pattern.cwd, name)
}

function patternValue(letter: string, pattern: LogPattern, { id, number, node }: LogFacts): string | undefined {
  const [job, task] = id.split("_")
  switch (letter) {
    case "%":
      return "%"
    case "A":
      return job
    case "j":
    case "J":
      return task === undefined ? job : number
    case "a":
      return task ?? "4294967294" // Slurm's "no value": the job is no array task
    case "n":
    case "t":
      return "0"
    case "s":
      return "batch"
    case "N":
      return node?.split(".")[0]
    case "u":
      return userInfo().username
    default:
      return pattern.jobName
  }
}

/**
 * What is written into the log of a job, mostly of one that was cancelled, by us or by hand, and tells nothing that is not known otherwise. A time
 * limit, preemption or a node's failure is said in other words, and stays.
 */
const OF_ITS_CANCEL = [
  // Slurm's own line.
  /^(?:slurmstepd\S*|\[\S+\]): error: \*\*\* JOB \S+ ON \S+ CANCELLED AT \S+(?: DUE to SIGNAL \w+)? \*\*\*$/gm,
  // A runner that started just when its pool gave it up: its key is void by then, and it says that it was turned away, or its worker does.
  /^slurm-flame: (?:no parent|the worker has no line to the parent): [\s\S]*?\bits key was revoked .*$/gm,
  // What it did for another one, whose end is told elsewhere.
  /^slurm-flame: deleted what runners that were killed left here: .*$/gm,
]
/** A log that is longer holds more than that. */
const OF_ITS_CANCEL_BYTES = 2_048

/** Deletes the file at `path` if it is there and holds nothing of the job's own: most runners say nothing, and logs would pile up. */
export async function removeEmpty(path: string): Promise<void> {
  try {
    const { size } = await stat(path)
    if (size <= OF_ITS_CANCEL_BYTES && isIdle(size === 0 ? "" : await readFile(path, "utf8"))) {
      await rm(path, { force: true })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error // never made: the job did not start
  }
}

function isIdle(text: string): boolean {
  return OF_ITS_CANCEL.reduce((rest, words) => rest.replaceAll(words, ""), text).trim() === ""
}

/** The end of the file at `path`; undefined when it cannot be read, as with a node's own /tmp. */
export async function readTail(path: string): Promise<string | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, "r")
    const { size } = await file.stat()
    const start = Math.max(0, size - TAIL_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start)
    const text = buffer.toString("utf8", 0, bytesRead)
    // The first line is most likely cut, perhaps within a character.
    return start === 0 ? text : text.slice(text.indexOf("\n") + 1)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    return undefined
  } finally {
    await file?.close()
  }
}
