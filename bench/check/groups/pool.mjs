/** What the pool itself costs a call, by the number of its runners: `npm run bench -- pool` in a process of its own. */
import { LEAST } from "../budget.mjs"
import { bundle, report } from "../program.mjs"
import { over } from "../samples.mjs"

export async function pool({ share, brief }) {
  const sizes = brief ? [10, 10_000] : [10, 100, 1_000, 10_000]
  const file = await bundle("pool", new URL("../../pool.ts", import.meta.url))
  const { times } = await report(
    file,
    ["--runners", sizes.join(), "--rounds", String(LEAST), "--at-least-seconds", share.seconds().toFixed(0), "--cost"],
    ["--expose-gc"],
  )
  return Object.fromEntries(
    sizes.flatMap(size => [
      [`pool/${size}/us`, times[size]],
      ...(size === 10 ? [] : [[`pool/${size}`, over(times[size], times[10])]]),
    ]),
  )
}
