/** Small calls while a big message is under way on the same line. */
import type { Client } from "../client.ts"
import { type Sampled, sampled } from "../sampled.ts"
import { callsAtTimes } from "./due.ts"
import { ways } from "./transfer.ts"

export interface Beside {
  /** Of the big messages, millions of bytes: with nothing beside them, and with the small calls. */
  readonly alone: number
  readonly shared: number
  readonly transfers: number
  readonly small: Sampled
}

export interface BesideOptions {
  readonly bytes: number
  readonly ms: number
  readonly direction: "up" | "down"
  readonly gapMs: number
}

/**
 * Big messages of `bytes`, one after the other, for `ms` milliseconds and one at least: once alone, and once with a small call that is due
 * every `gapMs` milliseconds, whether or not those before have ended; each counts from when it was due, so that a line which is blocked
 * for 300 ms has 300 of them and not one. The first is begun just before a big message, so that it sees what sending blocks.
 * @param aloneFirst what comes first pays for what has to be warm. Default: one or the other by chance
 * @throws what a call of either kind threw
 */
export async function beside(
  client: Client,
  { bytes, ms, direction, gapMs }: BesideOptions,
  aloneFirst = Math.random() < 0.5,
): Promise<Beside> {
  const big = ways(client, bytes)[direction]
  const before = aloneFirst ? await bulk(big, bytes, ms) : undefined
  const { small, during } = await together(client, big, { bytes, ms, gapMs })
  const alone = before ?? (await bulk(big, bytes, ms))
  return {
    alone: alone.mbPerSecond,
    shared: during.mbPerSecond,
    transfers: alone.transfers + during.transfers,
    small,
  }
}

async function together(
  client: Client,
  big: () => Promise<void>,
  { bytes, ms, gapMs }: Pick<BesideOptions, "bytes" | "ms" | "gapMs">,
) {
  let endedAt = Number.POSITIVE_INFINITY
  // Also those that were due while sending blocked all else, although it has ended when there is time for them.
  const calls = callsAtTimes(client, gapMs, (_, at) => at <= endedAt)
  // Whichever fails first: what is under way of the other has to end before the next slice.
  const [during, small] = await Promise.allSettled([
    bulk(big, bytes, ms).finally(() => {
      endedAt = performance.now()
    }),
    calls,
  ])
  if (during.status === "rejected") throw during.reason
  if (small.status === "rejected") throw small.reason
  return { during: during.value, small: sampled(small.value) }
}

async function bulk(big: () => Promise<void>, bytes: number, ms: number) {
  let transfers = 0
  const start = performance.now()
  do {
    await big()
    transfers += 1
  } while (performance.now() < start + ms)
  return { mbPerSecond: (transfers * bytes) / ((performance.now() - start) / 1_000) / 1e6, transfers }
}
