/**
 * Deletes what is in a directory, all of it, and nothing outside: follows no link, enters no other file system (somebody's home may be
 * mounted there), and is stopped by no mode that the owner can change. Owns the walk, which can be taken in slices; whose directory it
 * is and whether it may go is for others to know.
 */
import { randomBytes } from "node:crypto"
import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync } from "node:fs"
import { lstat, rmdir, unlink } from "node:fs/promises"
import { setImmediate as turn } from "node:timers/promises"

/** So long the walk may hold the event loop. */
const SLICE_MS = 10
/** Who else is at work in there may bring back what was gone; so often it is tried again. */
const PASSES = 5

/** A path may have 4,095 bytes: a directory whose path has more than so many is brought up before what is in it is named. */
const LONG_PATH = 2_048

/** Names are bytes, and need not be text. */
const list = (path: Buffer) => readdirSync(path, { withFileTypes: true, encoding: "buffer" })

/** Of the walk: a directory whose entries are taken one by one. */
interface Level {
  readonly path: Buffer
  readonly entries: ReturnType<typeof list>
}

/**
 * Deletes what is in `top`, which itself stays, without holding the event loop for long. What vanishes meanwhile is as good as deleted.
 * @param spare The name of an entry of `top` that stays.
 * @returns why something is left; undefined: nothing is
 */
export async function emptyTree(top: string, spare?: string): Promise<Error | undefined> {
  let left: Error | undefined
  for (let pass = 0; pass < PASSES; pass++) {
    const walk = steps(top, spare)
    let until = performance.now() + SLICE_MS
    for (;;) {
      const step = walk.next()
      if (step.done) {
        left = step.value
        break
      }
      if (performance.now() < until) continue
      await turn()
      until = performance.now() + SLICE_MS
    }
    if (!isRefilled(left)) return left
  }
  return left
}

/** The same in one go, for a process that exits. */
export function emptyTreeSync(top: string, spare?: string): Error | undefined {
  let left: Error | undefined
  for (let pass = 0; pass < PASSES; pass++) {
    const walk = steps(top, spare)
    let step = walk.next()
    while (!step.done) step = walk.next()
    left = step.value
    if (!isRefilled(left)) return left
  }
  return left
}

/** Deletes a file, or a directory with all that is in it, if it is there. @throws what the file system says */
export async function removeTree(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) return await unlink(path)
    const left = await emptyTree(path)
    if (left) throw left
    await rmdir(path)
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error
  }
}

/** A directory that had been emptied was not empty: somebody writes there. */
export function isRefilled(error: Error | undefined): boolean {
  const code = codeOf(error)
  return code === "ENOTEMPTY" || code === "EEXIST"
}

/** One step for each entry. Returns the first thing that could not be done. */
function* steps(top: string, spare: string | undefined): Generator<undefined, Error | undefined> {
  let left: Error | undefined
  /** @returns what `action` does, in an array; undefined when it cannot be done, which is remembered */
  const attempt = <T>(action: () => T, inside: Buffer): [T] | undefined => {
    try {
      return [withRights(action, inside)]
    } catch (error) {
      if (codeOf(error) !== "ENOENT") left ??= error as Error
      return undefined
    }
  }
  const read = (path: Buffer) => attempt(() => list(path), path)
  const base = Buffer.from(top)
  const [device] = attempt(() => statSync(base).dev, base) ?? []
  const [first] = read(base) ?? []
  if (device === undefined || !first) return left
  const spared = spare === undefined ? undefined : Buffer.from(spare)
  const stack: Level[] = [{ path: base, entries: first.filter(({ name }) => !spared?.equals(name)) }]
  while (stack.length > 0) {
    yield
    const { path, entries } = stack.at(-1)!
    const entry = entries.pop()
    if (!entry) {
      stack.pop()
      const above = stack.at(-1)
      if (above) attempt(() => rmdirSync(path), above.path)
      continue
    }
    let inner = joined(path, entry.name)
    if (!entry.isDirectory()) {
      attempt(() => unlinkSync(inner), path)
      continue
    }
    if (!attempt(() => checkOwnDevice(inner, device), path)) continue
    if (inner.length > LONG_PATH) {
      const nearer = joined(base, Buffer.from(`.deep-${randomBytes(8).toString("hex")}`))
      const far = inner
      // To be moved elsewhere it has to let itself be written to.
      if (!attempt(() => renameSync(far, nearer), far)) continue
      inner = nearer
    }
    const [below] = read(inner) ?? []
    if (below) stack.push({ path: inner, entries: below })
  }
  return left
}

/** Without the right to write to a directory its owner deletes nothing there, but can give himself that right. */
function withRights<T>(action: () => T, inside: Buffer): T {
  try {
    return action()
  } catch (error) {
    if ((codeOf(error) !== "EACCES" && codeOf(error) !== "EPERM") || !isOpened(inside)) throw error
    return action()
  }
}

/** @throws Error when another file system is mounted there, or it is no directory any more */
function checkOwnDevice(path: Buffer, device: number): void {
  const found = lstatSync(path)
  // As with one that is filled again, the next pass finds it as it is.
  if (!found.isDirectory()) throw Object.assign(new Error(`${path} is no directory any more`), { code: "ENOTEMPTY" })
  if (found.dev !== device) throw new Error(`another file system is mounted on ${path}`)
}

/** Gives the owner the right to read and to change this directory. */
function isOpened(directory: Buffer): boolean {
  try {
    chmodSync(directory, 0o700)
    return true
  } catch {
    return false // not his: then what was refused is what is told
  }
}

const SEPARATOR = Buffer.from("/")

function joined(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, SEPARATOR, name])
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code
