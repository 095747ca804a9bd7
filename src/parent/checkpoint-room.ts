/**
 * The directory with the checkpoints of one run of a pool, which nobody can ask for again when the run is over. Owns its name, the mark by which
 * its owner is known, its removal (also when the process just exits) and the search for those that killed parents left.
 */
import { rmSync } from "node:fs"
import { lstat, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { onExit } from "signal-exit"
import { asError } from "../shared/as-error.ts"
import { ownMark, type ProcessMark, whereabouts } from "../shared/process-mark.ts"
import { makePrivate, stateDirectory } from "../shared/state-dir.ts"
import type { Logger } from "./logger.ts"

const OWNER = "owner.json"
/** mkdtemp's six characters behind the pool's name; one that has no mark yet begins with a dot. */
const NAME = /^\.?[A-Za-z0-9_-]+-[A-Za-z0-9]{6}$/
/**
 * What belongs to a parent that cannot be seen from here (another host, one that has been started anew) is left alone for so long after its last
 * change, in ms: a parent that lives and needs it keeps it newer than that.
 */
export const UNSEEN_MS = 14 * 24 * 60 * 60 * 1000

export class CheckpointRoom {
  readonly #pool: string
  readonly #logger: Logger
  #making: Promise<string> | undefined
  #directory: string | undefined
  #forgetExit: (() => void) | undefined
  #swept = false

  /** Touches nothing. */
  constructor(pool: string, logger: Logger) {
    this.#pool = pool
    this.#logger = logger
  }

  /** Undefined: it was never made. */
  get directory(): string | undefined {
    return this.#directory
  }

  /** Makes it at the first call, and again should it be gone. @throws what the file system says; StateError: others may write there */
  async make(): Promise<string> {
    this.#making ??= this.#make()
    try {
      const directory = await this.#making
      await makePrivate(directory)
      return directory
    } catch (error) {
      if (this.#directory === undefined) this.#making = undefined
      throw error
    }
  }

  /** With all that is in it. Never rejects. */
  async remove(): Promise<void> {
    await this.#making?.catch(() => {}) // who wanted it was told
    this.#forgetExit?.()
    if (this.#directory === undefined) return
    try {
      await rm(this.#directory, { recursive: true, force: true })
    } catch (error) {
      this.#logger.warn({ error }, "the checkpoints of a pool that is closed cannot be removed")
    }
  }

  async #make(): Promise<string> {
    const root = join(stateDirectory(), "checkpoints")
    await makePrivate(stateDirectory())
    await makePrivate(root)
    if (!this.#swept) void sweep(root, this.#logger)
    this.#swept = true
    // Under its name it has its mark, or a sweep of another program could not tell whose it is.
    const made = await mkdtemp(join(root, `.${this.#pool}-`))
    const owner = { v: 1, pool: this.#pool, since: new Date().toISOString(), parent: ownMark() }
    await writeFile(join(made, OWNER), `${JSON.stringify(owner)}\n`, { mode: 0o600, flag: "wx" })
    const directory = join(root, made.slice(root.length + 2))
    await rename(made, directory)
    this.#directory = directory
    this.#forgetExit = onExit(() => {
      try {
        rmSync(directory, { recursive: true, force: true })
      } catch {
        // There is nobody left to be told: a later program finds it, and its owner dead.
      }
    })
    return directory
  }
}

/**
 * Deletes what parents left that are dead: directories of our name, of this user. Never rejects; what cannot be deleted now is left to the next.
 * @param unseenMs For tests.
 */
export async function sweep(root: string, logger: Logger, unseenMs = UNSEEN_MS): Promise<void> {
  try {
    for (const name of await readdir(root)) {
      if (NAME.test(name)) await removeIfDead(join(root, name), unseenMs, logger)
    }
  } catch (error) {
    logger.debug({ error: asError(error) }, "checkpoints that earlier programs left cannot be looked after now")
  }
}

async function removeIfDead(path: string, unseenMs: number, logger: Logger): Promise<void> {
  try {
    const stats = await lstat(path)
    if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return
    const where = whereaboutsOf(await readFile(join(path, OWNER), "utf8").catch(noFile))
    // Each new checkpoint changes the directory.
    if (where === "alive" || (where === "elsewhere" && Date.now() - stats.mtimeMs < unseenMs)) return
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return // somebody else is at it as well
    logger.warn({ path, error: asError(error) }, "checkpoints that an earlier program left cannot be removed")
  }
}

function whereaboutsOf(text: string | undefined): ReturnType<typeof whereabouts> {
  try {
    const { parent } = JSON.parse(text ?? "{}") as { parent?: ProcessMark }
    return typeof parent?.pid === "number" ? whereabouts(parent) : "elsewhere"
  } catch (error) {
    if (error instanceof SyntaxError) return "elsewhere" // cut off while it was written
    throw error
  }
}

function noFile(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error
}
