/** Small calls while a big message is under way on the same line. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../client.ts"
import { type Sampled, sampled } from "../sampled.ts"
import { ways } from "./transfer.ts"

export interface Beside {
  /** Of the big messages, millions of bytes: with nothing beside them, and with the small calls. */
  readonly alone: number
  readonly shared: number
  readonly transfers: number
  /** All of it, alone and with the calls. */
  readonly bulkSeconds: number
  readonly small: Sampled
}

const MOST = 100_000

/**
 * Big messages of `bytes`, one after the other, for `ms` milliseconds and one at least: first alone, then with small calls beside them,
 * one at a time and at most one in `gapMs` milliseconds: a tight loop would take a core of its own, and who answers quickly would pay for it.
 * The first small call is begun just before a big message, so that it sees what sending blocks.
 */
export async function beside(
  client: Client,
  { bytes, ms, direction, gapMs }: { bytes: number; ms: number; direction: "up" | "down"; gapMs: number },
): Promise<Beside> {
  const big = ways(client, bytes)[direction]
  const before = await bulk(big, bytes, ms)
  const times = new Float64Array(MOST)
  let n = 0
  let done = false
  const small = async () => {
    while (!done && n < MOST) {
      const start = performance.now()
      await client.add(n, 1)
      const end = performance.now()
      times[n++] = (end - start) * 1_000
      const rest = start + gapMs - end
      if (rest > 0 && !done) await sleep(rest)
    }
  }
  const calls = small()
  try {
    const during = await bulk(big, bytes, ms)
    done = true
    await calls
    return {
      alone: before.mbPerSecond,
      shared: during.mbPerSecond,
      transfers: before.transfers + during.transfers,
      bulkSeconds: before.seconds + during.seconds,
      small: sampled(times.subarray(0, n)),
    }
  } finally {
    done = true
  }
}

async function bulk(big: () => Promise<void>, bytes: number, ms: number) {
  let transfers = 0
  const start = performance.now()
  do {
    await big()
    transfers += 1
  } while (performance.now() < start + ms)
  const seconds = (performance.now() - start) / 1_000
  return { mbPerSecond: (transfers * bytes) / seconds / 1e6, transfers, seconds }
}
