/**
 * The newest checkpoint of one call, in one file. Owns how the file is replaced, so that at each moment, whatever ends the program or its host,
 * a whole state lies there; and the order of saves. Where the file lies and when it may go are the store's to say.
 */
import { randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { CheckpointError } from "../shared/errors.ts"
import { checkOwn } from "../shared/state-dir.ts"
import { readValue, writeValue } from "../transport/value-file.ts"
import { notKept, notRead } from "./checkpoint-fault.ts"
import type { Checkpoint, Kept } from "./checkpoint-store.ts"
import type { Logger } from "./logger.ts"

export interface CheckpointPlace {
  /** Where the file is to lie. Makes the directory; undefined: there is none, and it is only asked for. */
  path(make: boolean): Promise<string | undefined>
  /** Whether what this program writes there counts. */
  held(): boolean
  readonly logger: Logger
  /** The call is over. `gone` resolves when nothing is kept of it any more. */
  forgets(gone: Promise<void>): void
}

/** What is said of the value in its file. */
interface Facts {
  /** The call's name. */
  readonly name: string
  readonly id: string | null
  /** ISO, in UTC. */
  readonly at: string
}

/** What is to be written next, and who waits for it: all that came while the last one was being written. */
interface Save {
  value: unknown
  readonly promise: Promise<string>
  readonly resolve: (digest: string) => void
  readonly reject: (error: unknown) => void
}

const SUFFIX = ".part"

export class CheckpointFile implements Checkpoint {
  readonly #name: string
  readonly #id: string | undefined
  readonly #place: CheckpointPlace
  #next: Save | undefined
  #writing: Promise<void> | undefined
  /** When the newest was made that this program has written or read. */
  #at: Date | undefined
  #written = false
  #over = false

  constructor(name: string, id: string | undefined, place: CheckpointPlace) {
    this.#name = name
    this.#id = id
    this.#place = place
  }

  /**
   * Resolves when the value, or one that was given later, is on the disk. Of those that come while one is being written only the newest is
   * written. The value is not copied: nobody may change it any more.
   */
  save(value: unknown): Promise<string> {
    if (this.#over) {
      return Promise.reject(new CheckpointError(`${this.#name}() is over: no more checkpoints are kept of it`))
    }
    if (this.#next) this.#next.value = value
    else this.#next = saveOf(value)
    const { promise } = this.#next
    this.#writing ??= this.#writeAll()
    return promise
  }

  async load(): Promise<Kept | undefined> {
    await this.#writing
    let path: string | undefined
    try {
      path = await this.#place.path(false)
      return path === undefined ? undefined : await this.#read(path)
    } catch (error) {
      throw notRead(this.#name, this.#id, path, error)
    }
  }

  /** Never rejects: the call has its result. */
  forget(): Promise<void> {
    this.#over = true
    const gone = this.#forget()
    this.#place.forgets(gone)
    return gone
  }

  async #forget(): Promise<void> {
    this.#next?.resolve("") // nobody asks any more what it was
    this.#next = undefined
    await this.#writing
    this.#at = undefined
    try {
      const path = await this.#place.path(false)
      if (path === undefined) return
      await rm(path, { force: true })
      await removeParts(path)
    } catch (error) {
      const fields = { call: this.#name, ...(this.#id !== undefined && { id: this.#id }), error }
      this.#place.logger.warn(fields, "the checkpoint of a call that is over cannot be removed")
    }
  }

  async #writeAll(): Promise<void> {
    for (let save = this.#next; save; save = this.#next) {
      this.#next = undefined
      try {
        save.resolve(await this.#write(save.value))
      } catch (error) {
        save.reject(error)
      }
    }
    this.#writing = undefined
  }

  /** @returns the value's digest */
  async #write(value: unknown): Promise<string> {
    let path: string | undefined
    try {
      path = await this.#place.path(true)
      if (!this.#written) await removeParts(path!) // of an earlier program that was killed
      const at = new Date(Math.max(Date.now(), (this.#at?.getTime() ?? 0) + 1)) // clocks of hosts differ: newer is later all the same
      const facts: Facts & Record<string, string | null> = {
        name: this.#name,
        id: this.#id ?? null,
        at: at.toISOString(),
      }
      const { digest } = await replace(
        path!,
        file => writeValue(file, value, facts),
        () => this.#checkHeld(),
      )
      this.#at = at
      this.#written = true
      return digest
    } catch (error) {
      throw notKept(this.#name, path, error)
    }
  }

  /** @throws CheckpointError when another program has taken the pool: what that one has written is newer */
  #checkHeld(): void {
    if (!this.#place.held()) throw new CheckpointError("another program has taken this pool, although this one lives")
  }

  async #read(path: string): Promise<Kept | undefined> {
    let file: FileHandle
    try {
      // Not through a link; and a pipe somebody put there must not be waited for.
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === "ELOOP") throw new CheckpointError("it is a symbolic link")
      if (code !== "ENOENT") throw error
      if (this.#at)
        throw new CheckpointError("it is gone: something else than this program has removed it", {
          hint: "called again, it begins from the start",
        })
      return undefined
    }
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw new CheckpointError("it is no file")
      checkOwn(path, stats)
      const { value, facts, digest } = await readValue(file, stats.size)
      const { name, at } = (facts ?? {}) as Partial<Facts>
      const made = new Date(at ?? Number.NaN)
      if (name !== this.#name || Number.isNaN(made.getTime())) {
        throw new CheckpointError(`it is that of ${name ?? "another call"}(), whose call had the same id`)
      }
      this.#at = made
      return { value, at: made, digest }
    } finally {
      await file.close()
    }
  }
}

function saveOf(value: unknown): Save {
  let resolve!: (digest: string) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<string>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { value, promise, resolve, reject }
}

/**
 * Makes a file and puts it in the place of `path` in one step, after all of it is on the disk. On any failure what was there is there still.
 * @param last The last moment to say no.
 */
async function replace<T>(path: string, write: (file: FileHandle) => Promise<T>, last: () => void): Promise<T> {
  // A name that nobody else has: a program that is taken for dead, and is not, may be writing here as well.
  const part = `${path}.${randomBytes(8).toString("hex")}${SUFFIX}`
  let written: T
  try {
    const file = await open(part, "wx", 0o600)
    try {
      written = await write(file)
      await file.sync()
    } finally {
      await file.close() // over NFS this is where a full disk may be told
    }
    last()
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {}) // the file system has said what is wrong
    throw error
  }
  await syncDirectory(dirname(path))
  return written
}

/** The new name outlives the host's sudden end as well. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== "EINVAL" && code !== "ENOTSUP") throw error // some file systems have nothing to do there
  } finally {
    await directory.close()
  }
}

async function removeParts(path: string): Promise<void> {
  const directory = dirname(path)
  const prefix = `${basename(path)}.`
  for (const name of await readdir(directory).catch(noDirectory)) {
    if (name.startsWith(prefix) && name.endsWith(SUFFIX)) await rm(join(directory, name), { force: true })
  }
}

/** Nothing was ever kept there, or whoever had that is through with it. */
function noDirectory(error: NodeJS.ErrnoException): string[] {
  if (error.code !== "ENOENT") throw error
  return []
}
