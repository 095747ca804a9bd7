/** What a stage process can be told to do with its crew. Owns the works; a group says which, how long and in which order. */

import { busy } from "../modules/crew.ts"
import { type Sampled, sampled } from "../sampled.ts"
import type { Crew, Member } from "./crew.ts"
import { type Count, lasting, latency, rate, read } from "./loops.ts"

interface Works {
  /** Calls of any of `runners` members, `each` in flight for every one of them. */
  team: { options: { runners: number; load: Load; each: number; ms: number }; result: Count }
  /** One small call after the other from here to the first member: microseconds of each. */
  direct: { options: { ms: number }; result: Sampled }
  directRate: { options: { ms: number; inFlight: number }; result: Count }
  /** The first member calls a function of this process, which calls the second and gives its answer back. */
  relay: { options: { ms: number }; result: Sampled }
  relayRate: { options: { ms: number; inFlight: number }; result: Count }
  /** The first member calls a function of this process. */
  callback: { options: { ms: number }; result: Sampled }
  callbackRate: { options: { ms: number; inFlight: number }; result: Count }
  /** A stream from the first member (`from`) or to it. */
  stream: { options: { way: Way; item: Item; ms: number }; result: Count }
  /** The same items, with a call for each. */
  calls: { options: { way: Way; item: Item; ms: number }; result: Count }
  /** How many steps of `busy` take a millisecond here, at best. */
  steps: { options: Record<string, never>; result: number }
}

export type Load =
  | { readonly name: "add" }
  | { readonly name: "busy"; readonly steps: number }
  | { readonly name: "sink"; readonly bytes: number }
export type Way = "from" | "to"
export type Item = "number" | { readonly bytes: number }
export type WorkName = keyof Works
export type OptionsOf<W extends WorkName> = Works[W]["options"]
export type ResultOf<W extends WorkName> = Works[W]["result"]

export const works: { [W in WorkName]: (crew: Crew, options: OptionsOf<W>) => Promise<ResultOf<W>> } = {
  team: (crew, { runners, load, each, ms }) => {
    const args = argumentsOf(load)
    return crew.team(runners, team => rate(() => team.call(load.name, ...args), ms, each * runners))
  },
  direct: async (crew, { ms }) => sampled(await latency(small(member(crew, 0)), ms)),
  directRate: (crew, { ms, inFlight }) => rate(small(member(crew, 0)), ms, inFlight),
  relay: async (crew, { ms }) => sampled(await member(crew, 0).call<Float64Array>("timeBack", relayed(crew), ms)),
  relayRate: (crew, { ms, inFlight }) => member(crew, 0).call("countBack", relayed(crew), ms, inFlight),
  callback: async (crew, { ms }) => sampled(await member(crew, 0).call<Float64Array>("timeBack", mark(crew, sum), ms)),
  callbackRate: (crew, { ms, inFlight }) => member(crew, 0).call("countBack", mark(crew, sum), ms, inFlight),
  stream: async (crew, { way, item, ms }) => {
    const first = member(crew, 0)
    if (way === "from") {
      const items = item === "number" ? first.call("numbers") : first.call("chunks", item.bytes)
      return await read((await items) as AsyncIterable<unknown>, ms)
    }
    const start = performance.now()
    const done = await first.call<number>("consume", lasting(itemOf(item), ms))
    return { done, ms: performance.now() - start }
  },
  calls: (crew, { way, item, ms }) => {
    const first = member(crew, 0)
    if (item === "number") return rate(() => first.call("add", 1, 2), ms, 1)
    if (way === "from") return rate(() => first.call("source", item.bytes), ms, 1)
    const bytes = itemOf(item)
    return rate(() => first.call("sink", bytes), ms, 1)
  },
  steps: async () => stepsOf(1),
}

const sum = (a: number, b: number): number => a + b
const small = (member: Member) => () => member.call("add", 1, 2)

function member(crew: Crew, at: number): Member {
  if (crew.member === undefined) throw new Error("this crew has no members that can be called one by one")
  return crew.member(at)
}

function mark<F extends (...args: never[]) => unknown>(crew: Crew, fn: F): unknown {
  if (crew.back === undefined) throw new Error("this crew cannot call back")
  return crew.back(fn)
}

function relayed(crew: Crew): unknown {
  const second = member(crew, 1)
  return mark(crew, (a: number, b: number) => second.call("add", a, b))
}

function argumentsOf(load: Load): unknown[] {
  if (load.name === "add") return [1, 2]
  return load.name === "busy" ? [load.steps] : [itemOf(load)]
}

const itemOf = (item: Item): number | Uint8Array => (item === "number" ? 1 : new Uint8Array(item.bytes).fill(7))

/** The best of many tries: whatever disturbed one of them made it slower, never faster. */
function stepsOf(ms: number): number {
  const steps = 20_000
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 200; i++) {
    const start = performance.now()
    busy(steps)
    best = Math.min(best, performance.now() - start)
  }
  return Math.round((steps * ms) / best)
}
