/**
 * Whose a pool's directory is: of all parents that ever take it, each has a greater epoch, and only the last one may speak to the runners. Owns
 * the epoch's file and the question whether its holder lives; knows nothing of runners.
 *
 * The file is named after the epoch, and the greatest is the holder's. So nobody ever removes or replaces what another has just written: to take
 * over is to make the next file, which the file system lets one do alone, also when it is shared by hosts.
 */
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Endpoint } from "../shared/address.ts"
import { StateError } from "../shared/errors.ts"
import { ownMark, type ProcessMark, whereabouts } from "../shared/process-mark.ts"

/** What an epoch's file holds. */
interface Holder extends ProcessMark {
  /** When it was taken; ms since the epoch. */
  readonly since: number
  /** It was given back in order, although runners were left. */
  readonly released?: true
}

/** Asked for a holder that cannot be seen from here. */
export type Probe = (address: Endpoint) => "open" | "refused" | "unknown"

const NAME = /^epoch-(\d{1,15})$/
/** Others may take the pool at the same moment; not for ever. */
const ATTEMPTS = 20

export class PoolEpoch {
  readonly number: number
  readonly #directory: string
  readonly #holder: Holder

  private constructor(number: number, directory: string, holder: Holder) {
    this.number = number
    this.#directory = directory
    this.#holder = holder
  }

  /**
   * Takes the directory of the pool `name` for this process.
   * @param addressesOf Where the holder of an epoch listens, as far as it has said so.
   * @param above It is greater than this, too: somebody may have deleted the file.
   * @throws StateError when another parent holds it that lives, or of which that cannot be told; what the file system says
   */
  static take(
    directory: string,
    name: string,
    addressesOf: (epoch: number) => readonly Endpoint[],
    probe: Probe = probeByDialling,
    above = 0,
  ): PoolEpoch {
    const holder: Holder = { ...ownMark(), since: Date.now() }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const last = newest(directory)
      if (last > 0) checkHolder(directory, last, name, addressesOf(last), probe)
      const epoch = Math.max(last, above) + 1
      if (!make(directory, epoch, holder)) continue
      // A listing may be old on a shared file system; after our own change it is new.
      if (newest(directory) !== epoch) {
        rmSync(fileOf(directory, epoch), { force: true })
        continue
      }
      for (const older of epochs(directory)) if (older < epoch) rmSync(fileOf(directory, older), { force: true })
      return new PoolEpoch(epoch, directory, holder)
    }
    throw new StateError(`the pool "${name}" cannot be taken: others take it all the time`, {
      hint: `who does is written in ${directory}`,
    })
  }

  /** Nobody else has taken the directory; false as well when it cannot be read. */
  get held(): boolean {
    try {
      return newest(this.#directory) === this.number
    } catch {
      return false // whoever removed it had taken it
    }
  }

  /** Gives the directory back; the number stays taken. */
  release(): void {
    const path = fileOf(this.#directory, this.number)
    const next = `${path}.${randomBytes(4).toString("hex")}`
    writeFileSync(next, JSON.stringify({ ...this.#holder, released: true }), { mode: 0o600, flag: "wx" })
    renameSync(next, path)
  }

  /** Removes every trace: no runner is left that could know the number. */
  remove(): void {
    rmSync(fileOf(this.#directory, this.number), { force: true })
  }
}

const fileOf = (directory: string, epoch: number): string => join(directory, `epoch-${epoch}`)

function epochs(directory: string): number[] {
  return readdirSync(directory).flatMap(name => {
    const [, number] = NAME.exec(name) ?? []
    return number === undefined ? [] : [Number(number)]
  })
}

const newest = (directory: string): number => Math.max(0, ...epochs(directory))

/** False when somebody else has made it. A link appears with all that is in it, or not at all. */
function make(directory: string, epoch: number, holder: Holder): boolean {
  const next = join(directory, `.${randomBytes(8).toString("hex")}`)
  writeFileSync(next, JSON.stringify(holder), { mode: 0o600, flag: "wx" })
  try {
    linkSync(next, fileOf(directory, epoch))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  } finally {
    rmSync(next, { force: true })
  }
}

/** @throws StateError unless the holder is known to be gone */
function checkHolder(
  directory: string,
  epoch: number,
  name: string,
  addresses: readonly Endpoint[],
  probe: Probe,
): void {
  const path = fileOf(directory, epoch)
  const holder = readHolder(path)
  if (holder === undefined || holder.released) return // gone meanwhile: whoever comes first has the next number
  const where = whereabouts(holder)
  if (where === "dead") return
  const seen = where === "alive" ? "open" : ask(addresses, probe)
  if (seen === "refused") return
  const who = `pid ${holder.pid} on ${holder.host}, since ${new Date(holder.since).toISOString()}`
  if (seen === "open") {
    throw new StateError(`the pool "${name}" is held by another program that runs: ${who}`, {
      hint: `close that one, or give this pool another \`name\`; if the other is gone for certain, delete ${path}`,
    })
  }
  throw new StateError(`the pool "${name}" is held by ${who}, and whether that program runs cannot be told from here`, {
    hint: `start this one on ${holder.host}, or, if the other is gone for certain, delete ${path}`,
  })
}

/** Refused where it is refused everywhere: an address of one network may be somebody else's in another. */
function ask(addresses: readonly Endpoint[], probe: Probe): ReturnType<Probe> {
  let seen: ReturnType<Probe> | undefined
  for (const address of addresses) {
    const one = probe(address)
    if (one === "open") return "open"
    seen = seen === "unknown" ? "unknown" : one
  }
  return seen ?? "unknown"
}

/** Undefined when the file is gone. @throws StateError when it says nothing of use */
function readHolder(path: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
  try {
    const holder = JSON.parse(text) as Partial<Holder>
    if (typeof holder.pid === "number" && typeof holder.host === "string") return holder as Holder
  } catch {
    // the same as a file that is JSON and no holder
  }
  throw new StateError(`${path} does not say who holds the pool`, { hint: "if no program does, delete it" })
}

const DIAL = `const [host, port] = process.argv.slice(1)
const socket = require("node:net").connect({ host, port: Number(port) })
socket.on("connect", () => process.exit(0)).on("error", error => process.exit(error.code === "ECONNREFUSED" ? 3 : 4))
setTimeout(() => process.exit(4), 3000)`

/** In a process of its own: a pool is made, or refused, at once, and this is asked only when it was last held on another host. */
function probeByDialling({ host, port }: Endpoint): "open" | "refused" | "unknown" {
  const { status } = spawnSync(process.execPath, ["-e", DIAL, host, String(port)], { timeout: 10_000, stdio: "ignore" })
  return status === 0 ? "open" : status === 3 ? "refused" : "unknown"
}
