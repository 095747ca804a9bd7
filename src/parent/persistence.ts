/**
 * What a pool that persists leaves to its next parent: a directory with who holds it, where the parent listens, and the key and job of each
 * runner. Owns these files and their secrecy; knows no connection, and not what a job is.
 */
import { randomBytes } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Endpoint } from "../shared/address.ts"
import { type ParentAddressFile, type PersistConfig, parseParentAddress } from "../shared/boot.ts"
import { StateError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { checkPrivate, stateDirectory } from "../shared/state-dir.ts"
import { PoolEpoch, type Probe } from "./pool-epoch.ts"

/** One runner, as its next parent needs to know it. */
export interface RunnerRecord {
  readonly v: 1
  readonly runnerId: string
  /** In base64. */
  readonly key: string
  /** A digest of what the runner was made for: its module, its environment, its backend. Only a pool that is alike may have it. */
  readonly like: string
  /** The job's handle, once it has been submitted. */
  readonly job?: Json
}

const RECORD = /^runner-([A-Za-z0-9-]+)\.json$/
const ADDRESS = "parent.json"
/** What is so, and why. */
const SECRET = "keys of runners lie there: whoever has one can speak to its runner"

export class Persistence {
  /** For the runners' boot. */
  readonly config: PersistConfig
  /** The directory for what calls with an id go on from. */
  readonly checkpoints: string
  readonly #directory: string
  readonly #epoch: PoolEpoch
  readonly #records = new Map<string, RunnerRecord>()
  #address: string | undefined

  private constructor(directory: string, epoch: PoolEpoch, orphanMs: number) {
    this.#directory = directory
    this.checkpoints = join(directory, "checkpoints")
    this.#epoch = epoch
    this.config = { file: join(directory, ADDRESS), forMs: orphanMs }
    for (const record of readRecords(directory)) this.#records.set(record.runnerId, record)
  }

  /**
   * Takes the directory of the pool of that name for this program.
   * @param orphanMs How long its runners wait for the next parent.
   * @throws StateError when another program holds it, or others may read it
   */
  static take(name: string, orphanMs: number, env: NodeJS.ProcessEnv = process.env, probe?: Probe): Persistence {
    const root = stateDirectory(env)
    const directory = join(root, "pools", name)
    for (;;) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        for (const above of [root, join(root, "pools")]) checkPrivate(above)
        checkPrivate(directory, SECRET)
        const last = readAddress(directory)
        const addressesOf = (number: number) => (last?.epoch === number ? last.addresses : [])
        const epoch = PoolEpoch.take(directory, name, addressesOf, probe, last?.epoch)
        try {
          return new Persistence(directory, epoch, orphanMs)
        } catch (error) {
          epoch.release() // or this program would stand in its own way
          throw error
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error // else who closed the pool has just removed it
      }
    }
  }

  /** Greater than that of every parent before. */
  get epoch(): number {
    return this.#epoch.number
  }

  /**
   * False: another program has taken the pool, which cannot be while this one lives unless somebody helped. The runners are that one's, and so
   * are the files.
   */
  get held(): boolean {
    return this.#epoch.held
  }

  /** The runners that were left, or have been added. */
  get records(): readonly RunnerRecord[] {
    return [...this.#records.values()]
  }

  record(runnerId: string): RunnerRecord | undefined {
    return this.#records.get(runnerId)
  }

  /** Runners find this parent there from now on. @throws what the file system says */
  listens(addresses: readonly Endpoint[]): void {
    const file: ParentAddressFile = { epoch: this.epoch, addresses }
    const text = JSON.stringify(file)
    if (text === this.#address) return
    this.#checkHeld()
    this.#write(ADDRESS, text)
    this.#address = text
  }

  /** @throws StateError when this is not its parent any more */
  #checkHeld(): void {
    if (this.held) return
    throw new StateError("another program has taken this pool, although this one lives", {
      hint: `each program needs a pool name of its own; nobody but its holder should delete a file in ${this.#directory}`,
    })
  }

  /** Before its job may start: written in this turn, so that runners that are wanted together are submitted together. @throws what the file system says */
  add(record: RunnerRecord): void {
    this.#checkHeld()
    this.#put(record)
  }

  /** Its job has been submitted. @throws what the file system says */
  submitted(runnerId: string, job: Json): void {
    const record = this.#records.get(runnerId)
    if (record) this.#put({ ...record, job })
  }

  /** Nothing of the runner is left. @throws what the file system says */
  remove(runnerId: string): void {
    this.#records.delete(runnerId)
    if (!this.held) return
    rmSync(join(this.#directory, `runner-${runnerId}.json`), { force: true })
  }

  /** The pool is over: gives the directory back, and removes it when no runner is left. @throws what the file system says */
  close(): void {
    if (!this.held) return
    if (this.#records.size > 0) return this.#epoch.release()
    rmSync(join(this.#directory, ADDRESS), { force: true })
    this.#epoch.remove()
    try {
      rmdirSync(this.#directory)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error // else the next parent is in it
    }
  }

  #put(record: RunnerRecord): void {
    this.#records.set(record.runnerId, record)
    this.#write(`runner-${record.runnerId}.json`, JSON.stringify(record))
  }

  /** In one step, and for this user alone. */
  #write(name: string, text: string): void {
    const next = join(this.#directory, `.${randomBytes(8).toString("hex")}`)
    try {
      writeFileSync(next, text, { mode: 0o600, flag: "wx" })
      renameSync(next, join(this.#directory, name))
    } catch (error) {
      rmSync(next, { force: true })
      throw error
    }
  }
}

/** @throws StateError when a key may have been read by others */
function readRecords(directory: string): RunnerRecord[] {
  return readdirSync(directory).flatMap(name => {
    if (!RECORD.test(name)) return []
    const path = join(directory, name)
    checkPrivate(path, SECRET)
    const record = parse(readFileSync(path, "utf8")) as Partial<RunnerRecord> | undefined
    const whole = record?.v === 1 && [record.runnerId, record.key, record.like].every(text => typeof text === "string")
    return whole && `runner-${record.runnerId}.json` === name ? [record as RunnerRecord] : []
  })
}

/** What the last parent that listened has left. */
function readAddress(directory: string): ParentAddressFile | undefined {
  let text: string
  try {
    text = readFileSync(join(directory, ADDRESS), "utf8")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
  return parseParentAddress(text)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // none of ours: we never leave half a file
  }
}
