/**
 * Where the parent of a pool that persists is now: another one may have come in its place, and says so in a file. Owns what this process knows of
 * parents: the greatest epoch, and whether the pool is over; dials nobody.
 */
import { readFile } from "node:fs/promises"
import type { Endpoint } from "../shared/address.ts"
import { type ParentAddressFile, type PersistConfig, parseParentAddress } from "../shared/boot.ts"
import { HandshakeError } from "../shared/errors.ts"

/** A file that is replaced just now may be missing for a moment, seen from another host. */
const MISSES = 3

export class ParentSeeker {
  /** How long a runner without a parent looks for one. */
  readonly forMs: number
  readonly #file: string
  /** Where the parent was when the runner was submitted. */
  readonly #first: readonly Endpoint[]
  #epoch: number | undefined
  /** Times in a row that the file was not there. */
  #missing = 0

  /** @param first Where the parent was when the runner was submitted. */
  constructor({ file, forMs }: PersistConfig, first: readonly Endpoint[]) {
    this.#file = file
    this.forMs = forMs
    this.#first = first
  }

  /** Of the parent that welcomed this runner last; undefined: none has. */
  get epoch(): number | undefined {
    return this.#epoch
  }

  /** The pool has been closed: its directory is gone, and nobody will come. */
  get over(): boolean {
    return this.#missing >= MISSES
  }

  /** Where to dial now, in the order in which to try. */
  async addresses(): Promise<readonly Endpoint[]> {
    return (await this.#read())?.addresses ?? this.#first
  }

  /** Another parent has taken the pool than the one that welcomed this runner: to that one there is no way back. */
  async superseded(): Promise<boolean> {
    const now = await this.#read()
    return now !== undefined && this.#epoch !== undefined && now.epoch > this.#epoch
  }

  /** @throws HandshakeError when a later parent has welcomed this runner: two of them must never share it. */
  welcomed(epoch: number | undefined): void {
    if (epoch === undefined || (this.#epoch !== undefined && epoch < this.#epoch)) {
      throw new HandshakeError(`a parent of epoch ${epoch} answered, and this runner is that of epoch ${this.#epoch}`)
    }
    this.#epoch = epoch
  }

  /** Undefined where there is none, or it cannot be read just now: a shared file system has its bad moments. */
  async #read(): Promise<ParentAddressFile | undefined> {
    let text: string
    try {
      text = await readFile(this.#file, "utf8")
    } catch (error) {
      // The parent wrote it before this runner was submitted, and removes it when the pool is closed.
      this.#missing = (error as NodeJS.ErrnoException).code === "ENOENT" ? this.#missing + 1 : 0
      return undefined
    }
    this.#missing = 0
    return parseParentAddress(text)
  }
}
