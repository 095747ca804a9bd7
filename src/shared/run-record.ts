/**
 * The record of a run: one file for each pool whose jobs may outlive its program, written before the first submission and removed
 * when the pool is closed. Who finds jobs that nobody ends learns from it whose they were. Owns the record's shape and the files;
 * whether a run is over is for others to judge. Holds nothing secret.
 */
import { realpathSync, rmSync } from "node:fs"
import { lstat, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ownMark, type ProcessMark } from "./process-mark.ts"
import { makePrivate, stateDirectory } from "./state-dir.ts"

export interface RunRecord {
  readonly v: 1
  /** What the ids of the pool's runners have in common, and with them the names of its jobs: `[0-9a-f]{6}`. */
  readonly run: string
  readonly pool: string
  /** Real path of the program's main file; null where it has none (`node -e`). */
  readonly program: string | null
  readonly cwd: string
  readonly parent: ProcessMark
  /** Where the parent listens: asked by who cannot see its process. */
  readonly address: { readonly host: string; readonly port: number }
  /** When the record was first written; ms since the epoch. */
  readonly startedAt: number
  /** Its runners wait so long (ms) for a parent that is gone to come back, and are no orphans meanwhile. */
  readonly persist?: { readonly waitMs: number }
  /** When its parent was first found dead (ms since the epoch): the wait of `persist` is counted from there. */
  readonly deadSince?: number
}

/** The facts of this process that a record has. */
export function ownProgram(): Pick<RunRecord, "program" | "cwd" | "parent"> {
  return { program: mainFile(), cwd: process.cwd(), parent: ownMark() }
}

function mainFile(): string | null {
  const [, main] = process.argv
  if (main === undefined) return null
  try {
    return realpathSync(main)
  } catch {
    return null // `node -e code word`: the word is no file, and there is no program to be started again
  }
}

/** A file that is half written has another name. */
const NAME = /^[A-Za-z0-9_-]+-[0-9a-f]+\.json$/

/** The records of this user, in a directory of their own. */
export class RunRecords {
  readonly directory: string

  constructor(directory: string = join(stateDirectory(), "runs")) {
    this.directory = directory
  }

  /** Where the record of that run lies. */
  pathOf({ pool, run }: Pick<RunRecord, "pool" | "run">): string {
    return join(this.directory, `${pool}-${run}.json`)
  }

  /** Writes the record, or replaces it, in one step. @throws Error when the directory is not private, or the file system says no. */
  async write(record: RunRecord): Promise<void> {
    await makePrivate(this.directory)
    const path = this.pathOf(record)
    const next = `${path}.${process.pid}`
    try {
      await writeFile(next, `${JSON.stringify(record)}\n`, { mode: 0o600, flag: "w" })
      await rename(next, path)
    } catch (error) {
      await rm(next, { force: true }).catch(() => {}) // the file system has said what is wrong
      throw error
    }
  }

  /** Removes the record if it is there. @throws what the file system says */
  async remove(record: Pick<RunRecord, "pool" | "run">): Promise<void> {
    await rm(this.pathOf(record), { force: true })
  }

  /** The same while the process exits: best effort. */
  removeSync(record: Pick<RunRecord, "pool" | "run">): void {
    try {
      rmSync(this.pathOf(record), { force: true })
    } catch {
      // There is nobody left to be told: the next start of the program finds the record, and no jobs.
    }
  }

  /**
   * All records of this user, in the order of their start. A file that is none, or not his, is passed over.
   * @throws what the file system says of the directory, if it is there
   */
  async list(): Promise<RunRecord[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error
      return [] // there never was one
    })
    const records: RunRecord[] = []
    for (const name of names) {
      const record = NAME.test(name) ? await readRecord(join(this.directory, name)) : undefined
      if (record && this.pathOf(record) === join(this.directory, name)) records.push(record)
    }
    return records.sort((a, b) => a.startedAt - b.startedAt)
  }
}

async function readRecord(path: string): Promise<RunRecord | undefined> {
  try {
    const { uid } = await lstat(path)
    return uid === process.getuid?.() ? parseRecord(await readFile(path, "utf8")) : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined // removed meanwhile: its run is over
    throw error
  }
}

/** Undefined when the text is no record, or one of another version. */
export function parseRecord(text: string): RunRecord | undefined {
  let found: Partial<RunRecord> | null
  try {
    found = JSON.parse(text) as Partial<RunRecord> | null
  } catch {
    return undefined // not ours: we never leave half a file
  }
  const { v, run, pool, program, cwd, parent, address, startedAt } = found ?? {}
  const ok =
    v === 1 &&
    typeof run === "string" &&
    typeof pool === "string" &&
    (program === null || typeof program === "string") &&
    typeof cwd === "string" &&
    typeof startedAt === "number" &&
    typeof address?.host === "string" &&
    typeof address.port === "number" &&
    typeof parent?.pid === "number" &&
    [parent.host, parent.started, parent.boot, parent.namespace].every(text => typeof text === "string")
  return ok ? (found as RunRecord) : undefined
}
