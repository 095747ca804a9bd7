/** The command line of the soak: see scripts/soak.mjs. */
import { parseArgs } from "node:util"
import { campaign, type Report } from "./campaign.ts"
import { playLocal } from "./local.ts"
import { localSequences } from "./local-steps.ts"
import { play } from "./simulated.ts"
import { sequences } from "./steps.ts"

const LEVELS = ["simulated", "local"]
/** The levels take turns of so long. */
const TURN_SECONDS = 30

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    seed: { type: "string" },
    only: { type: "string", default: LEVELS.join() },
  },
})
const only = values.only.split(",")
const unknown = only.filter(level => !LEVELS.includes(level))
if (unknown.length > 0) {
  console.error(`no level ${unknown.join(", ")}; there are: ${LEVELS.join(", ")}`)
  process.exit(2)
}
const minutes = Number(values.minutes)
if (!(minutes > 0)) {
  console.error(`--minutes takes a number above 0, got ${values.minutes}`)
  process.exit(2)
}
const root = process.cwd()
let seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 30))
const totals = Object.fromEntries(only.map(level => [level, { sequences: 0, steps: 0, work: 0 } satisfies Report]))
const started = Date.now()
const left = () => minutes * 60 - (Date.now() - started) / 1_000
let failed: unknown

console.log(`seed ${seed}`)
rounds: while (left() > 0) {
  for (const level of only) {
    const seconds = Math.min(TURN_SECONDS, left())
    if (seconds <= 0) break
    const again = (one: number) => `npm run soak -- --only ${level} --seed ${one}`
    try {
      const common = { seed, seconds, again }
      const report =
        level === "local"
          ? await campaign({
              ...common,
              batch: 1,
              shrinks: false,
              arbitrary: localSequences,
              play: sequence => playLocal(sequence, root),
            })
          : await campaign({ ...common, batch: 200, shrinks: true, arbitrary: sequences(120), play })
      const total = totals[level]!
      for (const key of ["sequences", "steps", "work"] as const) total[key] += report[key]
    } catch (error) {
      failed = error
      break rounds
    }
    seed += 100_000 // none that was used
  }
  console.log(line())
}
if (failed !== undefined) console.log(`FAILED: ${(failed as Error).message}`)
console.log(`${failed === undefined ? "all rules held" : "A RULE WAS BROKEN"}: ${line()}`)
process.exit(failed === undefined ? 0 : 1)

function line(): string {
  const levels = Object.entries(totals).map(
    ([level, { sequences, steps, work }]) => `${level} ${sequences} sequences, ${steps} steps, ${work} calls`,
  )
  return `${levels.join("; ")}; ${Math.round((Date.now() - started) / 1_000)} s`
}
