/** Big messages, some of them in flight: what the wire carries. */
import type { Client } from "../client.ts"
import { payload } from "./payload.ts"

/** `up`: to the server; `down`: from it; `both`: half of the window each way, and the bytes of both count. */
export type Direction = "up" | "down" | "both"

export interface Transferred {
  /** Millions of bytes. */
  readonly mbPerSecond: number
  readonly messages: number
}

/** `window` messages of `bytes` in flight for `ms` milliseconds, and until the last answer. */
export async function transfer(
  client: Client,
  { bytes, window, ms, direction }: { bytes: number; window: number; ms: number; direction: Direction },
): Promise<Transferred> {
  const { up, down } = ways(client, bytes)
  let messages = 0
  const start = performance.now()
  const until = start + ms
  const lane = async (once: () => Promise<void>) => {
    do {
      await once()
      messages += 1
    } while (performance.now() < until)
  }
  const lanes = Array.from({ length: direction === "both" ? Math.max(2, window) : window }, (_, i) => {
    if (direction === "both") return lane(i % 2 === 0 ? up : down)
    return lane(direction === "up" ? up : down)
  })
  await Promise.all(lanes)
  const seconds = (performance.now() - start) / 1_000
  return { mbPerSecond: (messages * bytes) / seconds / 1e6, messages }
}

/** One message each way, and a look whether all of it has come. */
export function ways(client: Client, bytes: number): { up: () => Promise<void>; down: () => Promise<void> } {
  const { sink, source } = client
  if (!sink || !source) throw new Error("it has no bytes one way")
  const message = payload(bytes)
  const check = (length: number) => {
    if (length !== bytes) throw new Error(`of ${bytes} bytes ${length} have come`)
  }
  return {
    up: async () => check(await sink.call(client, message)),
    down: async () => check((await source.call(client, bytes)).byteLength),
  }
}
