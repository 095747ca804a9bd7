/**
 * `runner().keep()`: moves things out of the runner's directory, so that they are whole or not there. Owns the checks, the move and the
 * copy across file systems; whoever cleans up behind a worker that is killed is told of each copy before it begins.
 */
import { chmod, link, lstat, mkdir, realpath, rename, unlink } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, normalize, relative, resolve, sep } from "node:path"
import { OptionError, StateError } from "../../shared/errors.ts"
import { show } from "../../shared/show.ts"
import { partialName } from "../partial-name.ts"
import { removeTree } from "../remove-tree.ts"
import { MARK } from "../tmp-mark.ts"
import { copyTree } from "./copy-tree.ts"

/** What a file system answers that has no hard links, or not here. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES"])
/** What stands in the way of a name. */
const TAKEN = new Set(["EEXIST", "ENOTEMPTY", "ENOTDIR", "EISDIR"])

export class Keeper {
  readonly #tmpdir: string
  readonly #keepDir: string | undefined
  readonly #partial: (path: string, done: boolean) => void
  readonly #open = new Set<Promise<unknown>>()

  /**
   * @param keepDir Absolute; undefined: nobody has said where.
   * @param partial Hears of each copy before it begins, and when there is nothing of it to be cleaned up any more.
   */
  constructor(tmpdir: string, keepDir: string | undefined, partial: (path: string, done: boolean) => void) {
    this.#tmpdir = tmpdir
    this.#keepDir = keepDir
    this.#partial = partial
  }

  /** See `RunnerContext.keep`. */
  keep(path: string, as?: string): Promise<string> {
    const moved = this.#keep(path, as)
    this.#open.add(moved)
    const over = () => this.#open.delete(moved)
    moved.then(over, over)
    return moved
  }

  /** Resolves when nothing is being moved any more. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open)
  }

  async #keep(path: string, as: string | undefined): Promise<string> {
    if (this.#keepDir === undefined) throw new StateError("keep(): this runner was not told where things are kept")
    const { source, name } = await this.#find(path)
    const target = join(this.#keepDir, as === undefined ? name : checkName(as))
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await checkFree(target)
    const { mode } = await lstat(source)
    try {
      await move(source, target, mode)
      return target
    } catch (error) {
      if (codeOf(error) !== "EXDEV") throw refusal(error, target)
    }
    const partial = join(dirname(target), partialName())
    this.#partial(partial, false)
    try {
      await copyTree(source, partial)
      await move(partial, target, mode)
    } catch (error) {
      await removeTree(partial)
      throw refusal(error, target)
    } finally {
      this.#partial(partial, true)
    }
    await removeTree(source)
    return target
  }

  /** What is really meant, and what it is called in the directory. @throws OptionError */
  async #find(path: unknown): Promise<{ source: string; name: string }> {
    if (typeof path !== "string" || path === "") {
      throw new OptionError("path", `keep() takes the path of a file or a directory, got ${show(path)}`)
    }
    const top = await realpath(this.#tmpdir)
    const given = resolve(this.#tmpdir, path)
    const source = await realpath(given)
    const inside = relative(top, source)
    if (isWithin(inside) && inside !== MARK) {
      const name = relative(this.#tmpdir, given)
      // Where the way there leads through a link, what it is really called is the name that it has.
      return { source, name: isWithin(name) ? name : inside }
    }
    const what = inside === "" ? "is runner().tmpdir itself" : `is not in runner().tmpdir (${this.#tmpdir})`
    throw new OptionError("path", `keep() moves things out of runner().tmpdir, and ${given} ${what}`, {
      hint: "name a file or a directory in it; what lies elsewhere is not deleted, and stays where it is",
    })
  }
}

/** Of a relative path: it leads to something below, not to the place itself, and not out of it. */
function isWithin(path: string): boolean {
  return path !== "" && path !== "." && path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path)
}

/** @throws OptionError */
function checkName(as: unknown): string {
  if (typeof as === "string" && !as.includes("\0")) {
    const name = normalize(as).replace(/\/+$/, "")
    if (isWithin(name)) return name
  }
  throw new OptionError("as", `\`as\` is a relative path in the pool's \`keepDir\`, got ${show(as)}`, {
    hint: "runner().keep('model.bin', 'run-7/model.bin')",
  })
}

async function checkFree(target: string): Promise<void> {
  try {
    await lstat(target)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return
    throw error
  }
  throw taken(target)
}

/** Renames, never onto something that is there. @throws EXDEV when it is another file system */
async function move(from: string, to: string, mode: number): Promise<void> {
  const isDirectory = (await lstat(from)).isDirectory()
  if (!isDirectory) {
    try {
      await link(from, to) // unlike a rename it replaces nothing
      return await unlink(from)
    } catch (error) {
      if (!NO_LINKS.has(codeOf(error) ?? "")) throw error
    }
    await checkFree(to)
    return await rename(from, to)
  }
  // A directory changes when it is moved (its `..` does), which needs the right to write to it.
  await chmod(from, mode | 0o700)
  try {
    await rename(from, to) // replaces an empty directory at most
  } catch (error) {
    await chmod(from, mode & 0o7777)
    throw error
  }
  await chmod(to, mode & 0o7777)
}

function refusal(error: unknown, target: string): unknown {
  return TAKEN.has(codeOf(error) ?? "") ? taken(target) : error
}

function taken(target: string): StateError {
  return new StateError(`keep(): there is something at ${target} already, and nothing is replaced`, {
    hint: `give it another name: runner().keep(path, \`\${runner().id}/${basename(target)}\`)`,
  })
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code
