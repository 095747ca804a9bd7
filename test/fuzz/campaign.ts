/**
 * Runs inputs and looks at what must hold whatever they are: no error but ours, nothing thrown into the void, no long stall, no
 * heap of memory, no changed prototype, nothing reached that is not offered, and another session going on. An input is
 * determined by seed, target and number alone, so that it can be run again by itself.
 */
import { getHeapStatistics } from "node:v8"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { honestPair } from "./corpus.ts"
import { Dice } from "./dice.ts"
import { makeTargets, type TargetName } from "./targets.ts"
import { Watchdog } from "./watchdog.ts"

/** Shares of the inputs: where more can go wrong, and where an input takes longer. */
const SHARES: Readonly<Record<TargetName, number>> = { frame: 0.25, codec: 0.35, handshake: 0.15, session: 0.25 }
export const TARGETS = Object.keys(SHARES) as TargetName[]

/** Milliseconds that an input may take, with what follows from it: a constant for the machine's moods, and so much for each byte. */
const STALL_MS = 150
const STALL_MS_PER_BYTE = 0.002
/** Bytes that it may take: a constant (garbage of earlier ones is in it), and so much for each byte. */
const HEAP = 256 * 2 ** 20
const HEAP_PER_BYTE = 200
const HANG_MS = 8_000
/** Inputs between two looks at what is dear to look at. */
const LOOK_EVERY = 500

export interface Failure {
  readonly target: TargetName
  readonly index: number
  readonly what: string
}

export interface Report {
  readonly seed: number
  readonly inputs: number
  readonly seconds: number
  readonly outcomes: ReadonlyMap<string, number>
  readonly slowest: { readonly target: TargetName; readonly index: number; readonly ms: number; readonly bytes: number }
  readonly failures: readonly Failure[]
}

export interface Options {
  readonly inputs: number
  readonly seed: number
  readonly only?: readonly TargetName[]
  /** This input of the one target alone. */
  readonly at?: number
  /** Stops after so many failures. */
  readonly most?: number
  progress?(done: number): void
}

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

export async function run(options: Options): Promise<Report> {
  const { seed, only = TARGETS, at, most = 20 } = options
  const targets = await makeTargets()
  const failures: Failure[] = []
  const outcomes = new Map<string, number>()
  let slowest = { target: only[0]!, index: 0, ms: 0, bytes: 0 }
  let now: { target: TargetName; index: number } = { target: only[0]!, index: 0 }
  const failed = (what: string): void => {
    if (failures.length < most) failures.push({ ...now, what })
  }
  const lost = (error: unknown): void => failed(`lost: ${words(error)}`)
  process.on("uncaughtException", lost)
  process.on("unhandledRejection", lost)
  const watchdog = new Watchdog(seed, HANG_MS)
  const witness = new Witness()
  const realm = shape()
  const began = performance.now()
  let done = 0

  const input = async (target: TargetName, index: number): Promise<{ ms: number; bytes: number; grown: number }> => {
    const dice = new Dice((seed * 0x9e3779b1 + index * 0x85ebca6b + target.length) | 0)
    const before = memory()
    const start = performance.now()
    let bytes = 0
    try {
      const run = await targets[target](dice, tick)
      bytes = run.bytes
      count(outcomes, `${target}: ${run.outcome}`)
    } catch (error) {
      count(outcomes, `${target}: FAILURE`)
      failed(words(error))
    }
    return { ms: performance.now() - start, bytes, grown: memory() - before }
  }

  try {
    const total = only.reduce((sum, name) => sum + SHARES[name], 0)
    for (const target of only) {
      const inputs = at === undefined ? Math.round((options.inputs * SHARES[target]) / total) : at + 1
      for (let index = at ?? 0; index < inputs && failures.length < most; index++) {
        now = { target, index }
        watchdog.begin(index)
        let { ms, bytes, grown } = await input(target, index)
        const mayTake = STALL_MS + bytes * STALL_MS_PER_BYTE
        const mayGrow = HEAP + bytes * HEAP_PER_BYTE
        // The machine has other work, and a collection may come at any time: what counts is the best of three.
        for (let again = 0; again < 2 && (ms > mayTake || grown > mayGrow); again++) {
          const other = await input(target, index)
          ms = Math.min(ms, other.ms)
          grown = Math.min(grown, other.grown)
        }
        if (ms > mayTake) failed(`took ${ms.toFixed(0)} ms for ${bytes} bytes`)
        if (grown > mayGrow) failed(`took ${grown} bytes of memory for ${bytes} bytes`)
        if (ms > slowest.ms) slowest = { target, index, ms, bytes }
        done += 1
        if (done % LOOK_EVERY === 0 || index === inputs - 1) {
          await tick()
          const changed = shape()
          if (changed !== realm) failed(`a shared object was changed: ${difference(realm, changed)}`)
          if ((globalThis as { __reached?: unknown }).__reached !== undefined) failed("the peer's text was run")
          if (!(await witness.goesOn())) failed("another session was disturbed")
          if (changed !== realm) break
          options.progress?.(done)
        }
      }
    }
    await tick()
  } finally {
    await watchdog.end()
    process.off("uncaughtException", lost)
    process.off("unhandledRejection", lost)
  }
  return { seed, inputs: done, seconds: (performance.now() - began) / 1_000, outcomes, slowest, failures }
}

/** Another session of the process, with a stream and calls under way. */
class Witness {
  readonly #client: RpcClient
  #stream: AsyncGenerator<number> | undefined
  #calls = 0

  constructor() {
    const { parent, runner } = honestPair(() => {})
    const functions: Record<string, (...args: never[]) => unknown> = {
      add: (a: number, b: number) => a + b,
      stream: async function* () {
        for (let i = 0; ; i++) yield i
      },
    }
    new RpcServer(runner.root, { apply: (path, args) => functions[path[0]!]!(...(args as never[])), get: () => 0 })
    this.#client = new RpcClient(parent.root)
  }

  async goesOn(): Promise<boolean> {
    this.#stream ??= (await this.#call("stream")) as AsyncGenerator<number>
    const n = this.#calls++
    const [sum, item] = await Promise.all([this.#call("add", n, 1), this.#stream.next()])
    return sum === n + 1 && item.value === n
  }

  #call(name: string, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#client.apply([name], args, { resolve, reject, done() {} })
    })
  }
}

/** The objects that all code shares, and the functions on them, as names: what a peer must not be able to change. */
function shape(): string {
  const lines: string[] = []
  const shared = {
    Object,
    Array,
    Function,
    Map,
    Set,
    Error,
    Promise,
    RegExp,
    Date,
    String,
    Number,
    Uint8Array,
    Buffer,
    URL,
  }
  for (const [name, ctor] of Object.entries(shared)) {
    for (const holder of [ctor, ctor.prototype] as object[]) {
      for (const key of Reflect.ownKeys(holder)) {
        const value = Object.getOwnPropertyDescriptor(holder, key)?.value
        const own =
          typeof value === "function" && value !== ctor ? Reflect.ownKeys(value).map(String).join() : typeof value
        lines.push(`${name} ${String(key)} ${own}`)
      }
    }
  }
  return lines.join("\n")
}

function difference(before: string, after: string): string {
  const known = new Set(before.split("\n"))
  return after
    .split("\n")
    .filter(line => !known.has(line))
    .slice(0, 3)
    .join("; ")
}

function memory(): number {
  const { used_heap_size, external_memory } = getHeapStatistics() as { used_heap_size: number; external_memory: number }
  return used_heap_size + external_memory
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function words(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).split("\n").slice(0, 6).join("\n    ") : String(error)
}
