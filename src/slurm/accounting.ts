/**
 * What the site's accounts (`sacct`) add to a job's end: the memory it used, who cancelled it. Owns the one question and its time
 * limit; which jobs are worth it is the job's to say.
 */
import { SlurmCommandError } from "../shared/errors.ts"
import type { SlurmClient } from "./client.ts"
import { type CommandResult, runCommand } from "./command.ts"
import { commandEnv } from "./environment.ts"
import { parseBytes } from "./queue-row.ts"

/** What the accounts know of a job. */
export interface AccountRecord {
  /** The most memory that any task of any of its steps had, in bytes. */
  readonly maxRssBytes: number | undefined
  /** Number of the user who cancelled it. */
  readonly cancelledBy: number | undefined
}

const NOTHING: AccountRecord = { maxRssBytes: undefined, cancelledBy: undefined }

/** Callers wait for an error meanwhile: they would rather have it soon than complete. */
const LIMIT_MS = 2_000
/** The record may be written a moment after squeue shows the end. */
const AGAIN_MS = 400

export class Accounting {
  readonly #client: Pick<SlurmClient, "site">
  readonly #limitMs: number
  /** `sacct` is missing, or says that there are no accounts: it is not asked again. */
  #none = false

  constructor(client: Pick<SlurmClient, "site">, limitMs = LIMIT_MS) {
    this.#client = client
    this.#limitMs = limitMs
  }

  /**
   * What is known of a job that has ended; nothing where the site keeps no accounts, or `sacct` is too slow. Takes two seconds at
   * most, and asks a second time when the record is not complete. Never rejects.
   */
  async record(id: string): Promise<AccountRecord> {
    if (this.#none || !(await this.#client.site()).accounting) return NOTHING
    const until = performance.now() + this.#limitMs
    for (;;) {
      const { ended, ...known } = await this.#ask(id, until - performance.now())
      const left = until - performance.now()
      if (ended || this.#none || left < 2 * AGAIN_MS) return known
      await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
    }
  }

  async #ask(id: string, timeoutMs: number): Promise<AccountRecord & { ended: boolean }> {
    const argv = ["--noheader", "--parsable2", "--noconvert", "--format=JobID,State,End,MaxRSS", `--jobs=${id}`]
    let result: CommandResult
    try {
      result = await runCommand("sacct", argv, { env: commandEnv(process.env), timeoutMs: Math.max(1, timeoutMs) })
    } catch (error) {
      if (!(error instanceof SlurmCommandError)) throw error
      this.#none = true
      return { ...NOTHING, ended: false }
    }
    if (/accounting storage is disabled/i.test(result.stderr)) this.#none = true
    return parseRecord(result.stdout)
  }
}

/** Rows of sacct: the job itself and its steps (`7.batch`, `7.extern`, `7.0`). `ended`: none of them is still to be filled in. */
export function parseRecord(stdout: string): AccountRecord & { ended: boolean } {
  let maxRssBytes: number | undefined
  let cancelledBy: number | undefined
  let rows = 0
  let open = 0
  for (const line of stdout.split("\n")) {
    const [id, state = "", end = "", rss = ""] = line.split("|")
    if (!/^\d/.test(id!)) continue
    rows += 1
    if (end === "" || end === "Unknown") open += 1
    const bytes = parseBytes(rss)
    if (bytes !== undefined) maxRssBytes = Math.max(maxRssBytes ?? 0, bytes)
    const by = /^CANCELLED by (\d+)/.exec(state)?.[1]
    if (by !== undefined) cancelledBy = Number(by)
  }
  return { maxRssBytes, cancelledBy, ended: rows > 0 && open === 0 }
}
