/**
 * A file that is written as a whole or not at all: what was there stays until all of the new text is on the disk. Owns where a path leads
 * to, and whether it can be written there. Knows no report.
 */
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import type { Writable } from "node:stream"

/** Links that lead to links: more than the kernel follows. */
const MOST_LINKS = 40

/** Where a path leads to. */
export interface Target {
  /** Behind all links: what is written, or replaced. */
  readonly real: string
  /** The same for two paths that lead to the same place. */
  readonly identity: string
  readonly kind: "file" | "new" | "device" | "stream"
}

/**
 * Looks where a path leads to, and tries whether it can be written there: beside a file another one is made and removed.
 * @throws Error that says why it cannot be written, and where
 */
export function checkedTarget(file: string): Target {
  if (file === "") throw new Error("the name is empty: name a file")
  const target = findTarget(file)
  if (target.kind === "stream") return target
  if (target.kind !== "new") access(target.real, "it cannot be written")
  if (target.kind !== "device") tryDirectory(path.dirname(target.real))
  return target
}

/**
 * Writes a text to where `checkedTarget` has looked. A file is replaced once all of the text is on the disk, and keeps its mode; a device,
 * a pipe and the standard streams are written as they are.
 * @throws Error why it could not be written; what was there before is still there
 */
export async function writeWhole({ real, kind }: Target, text: string): Promise<void> {
  const stream = standardStream(real)
  if (stream) await writeTo(stream, text)
  else if (kind === "device" || kind === "stream") fs.writeFileSync(real, text)
  else replace(real, text)
}

/**
 * Makes a directory, and those above it that are missing, one after the other: `recursive` never ends where the kernel makes none (/proc).
 * @throws Error that says where it cannot be made, or what is in its place
 */
export function makeDirectory(directory: string): void {
  if (directory === "") throw new Error("the name is empty: name a directory")
  const missing: string[] = []
  let at = path.resolve(directory)
  while (statOf(at) === undefined) {
    missing.unshift(at)
    at = path.dirname(at)
  }
  checkDirectory(at)
  for (const each of missing) {
    try {
      fs.mkdirSync(each)
    } catch (cause) {
      throw new Error(`${each} cannot be made: ${(cause as Error).message}`, { cause })
    }
  }
  tryDirectory(path.resolve(directory))
}

/** Whether a path is there, whatever it is, and which one: the same for two paths that lead to one file. Undefined where there is nothing. */
export function identityOf(file: string): string | undefined {
  const stat = statOf(file)
  return stat && `${stat.dev}:${stat.ino}`
}

function findTarget(file: string): Target {
  const stat = statOf(file)
  if (stat?.isDirectory()) throw new Error("that is a directory, name a file")
  if (stat && standardStream(file)) return { real: file, identity: identityOf(file)!, kind: "stream" }
  if (stat?.isSocket()) throw new Error("that is a socket, which cannot be opened: name a file")
  if (stat && !stat.isFile()) return { real: file, identity: identityOf(file)!, kind: "device" }
  const real = behindLinks(file)
  return { real, identity: identityOf(file) ?? `new ${real}`, kind: stat ? "file" : "new" }
}

/** Also of a link to what is not there yet. */
function behindLinks(file: string): string {
  let at = path.resolve(file)
  for (let i = 0; i < MOST_LINKS; i++) {
    const directory = path.dirname(at)
    checkDirectory(directory)
    at = path.join(fs.realpathSync(directory), path.basename(at))
    if (!fs.lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at
    at = path.resolve(path.dirname(at), fs.readlinkSync(at))
  }
  throw new Error("its links lead to no file")
}

/** Undefined where there is nothing. @throws Error when that cannot be known */
function statOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return undefined // what is above it is looked at next
    throw new Error(message, { cause })
  }
}

function checkDirectory(directory: string): void {
  const stat = statOf(directory)
  if (!stat) throw new Error(`there is no directory ${directory}`)
  if (!stat.isDirectory()) throw new Error(`${directory} is no directory`)
}

function access(file: string, otherwise: string): void {
  try {
    fs.accessSync(file, fs.constants.W_OK)
  } catch (cause) {
    throw new Error(`${otherwise}: ${(cause as Error).message}`, { cause })
  }
}

/** What access says is not all: a file system may be read-only, or make no files at all. */
function tryDirectory(directory: string): void {
  checkDirectory(directory)
  access(directory, `nothing can be written in ${directory}`)
  const trial = besides(directory)
  try {
    fs.closeSync(fs.openSync(trial, "wx"))
    fs.unlinkSync(trial)
  } catch (cause) {
    throw new Error(`nothing can be written in ${directory}: ${(cause as Error).message}`, { cause })
  }
}

/** A name that nobody else has. */
function besides(directory: string): string {
  return path.join(directory, `.slurm-flame-${process.pid}-${randomBytes(6).toString("hex")}.tmp`)
}

function replace(file: string, text: string): void {
  const temporary = besides(path.dirname(file))
  try {
    const fd = fs.openSync(temporary, "wx")
    try {
      fs.writeFileSync(fd, text)
      const mode = fs.statSync(file, { throwIfNoEntry: false })?.mode
      if (mode !== undefined) fs.fchmodSync(fd, mode & 0o777)
      fs.fsyncSync(fd) // a network's file system says only now that it is full
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

/** The stream of this process that a path leads to: `/dev/stdout` may be a socket, or a file that is being written. */
function standardStream(file: string): Writable | undefined {
  const stat = statOf(file)
  if (!stat) return undefined
  const streams = [
    [1, process.stdout],
    [2, process.stderr],
  ] as const
  for (const [fd, stream] of streams) {
    try {
      const open = fs.fstatSync(fd)
      if (open.dev === stat.dev && open.ino === stat.ino) return stream
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EBADF") throw cause // it was closed by whoever started this
    }
  }
  return undefined
}

function writeTo(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, error => (error ? reject(error) : resolve()))
  })
}
