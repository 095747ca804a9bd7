/**
 * The works for a client of another runtime, which makes and times its calls by itself (`Client.slice`). Owns how a work is asked of it in
 * slices; gives what the work of the same name in works/ gives. What is not here it cannot do, and who asks is told.
 */
import type { Client, Slice, SliceResult } from "./client.ts"
import { type Sampled, sampled } from "./sampled.ts"
import type { Rated } from "./works/rate.ts"
import type { Direction, Transferred } from "./works/transfer.ts"

const METHODS = { up: "sink", down: "source", both: "both" } as const

const slice = async (client: Client, wanted: Slice): Promise<SliceResult> => await client.slice!(wanted)

async function latency(client: Client, { ms }: { ms: number }): Promise<Sampled> {
  return sampled((await slice(client, { method: "add", bytes: 0, inFlight: 1, ms })).us)
}

async function sized(client: Client, { bytes, ms }: { bytes: number; ms: number }): Promise<Sampled> {
  return sampled((await slice(client, { method: "echo", bytes, inFlight: 1, ms })).us)
}

async function rate(client: Client, { lanes, ms }: { lanes: number; ms: number }): Promise<Rated> {
  const { us, seconds } = await slice(client, { method: "add", bytes: 0, inFlight: lanes, ms })
  return { perSecond: us.length / seconds, calls: us.length }
}

async function transfer(
  client: Client,
  { bytes, window, ms, direction }: { bytes: number; window: number; ms: number; direction: Direction },
): Promise<Transferred> {
  const inFlight = direction === "both" ? Math.max(2, window) : window
  const { us, seconds } = await slice(client, { method: METHODS[direction], bytes, inFlight, ms })
  return { mbPerSecond: (us.length * bytes) / seconds / 1e6, messages: us.length }
}

const SLICED: Readonly<Record<string, (client: Client, options: any) => Promise<unknown>>> = {
  latency,
  rate,
  sized,
  transfer,
}

/** The work for such a client. @throws Error where there is none of that name */
export function slicedWork(name: string) {
  const work = SLICED[name]
  if (work) return work
  throw new Error(`its program times its own calls, and has no work ${name} (only ${Object.keys(SLICED).join(", ")})`)
}
