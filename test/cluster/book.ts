/**
 * What calls did, as they wrote it down themselves on the nodes: `work` and `wait` of `programs/basic.ts` append a line when they begin and
 * one when they end. Owns the file and the count; knows nothing of who called.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** One call: the jobs that began it and those that came to its end, in the order of time. */
export interface Entry {
  begun: string[]
  ended: string[]
}

export class Book {
  readonly #dir = mkdtempSync("/home/flame/book-")
  /** To be given to `work` and `wait`. */
  readonly path = join(this.#dir, "book")

  constructor() {
    writeFileSync(this.path, "")
    chmodSync(this.path, 0o666)
    chmodSync(this.#dir, 0o755)
  }

  /** By the number of the call. */
  read(): Map<number, Entry> {
    const entries = new Map<number, Entry>()
    for (const line of readFileSync(this.path, "utf8").split("\n")) {
      if (line === "") continue
      const [what, id, jobId] = line.split(" ")
      const entry = entries.get(Number(id)) ?? { begun: [], ended: [] }
      entry[what as keyof Entry].push(jobId!)
      entries.set(Number(id), entry)
    }
    return entries
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true })
  }
}
