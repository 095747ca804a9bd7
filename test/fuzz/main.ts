/** The command line of the fuzz: see scripts/fuzz.mjs. */
import { parseArgs } from "node:util"
import { run, TARGETS } from "./campaign.ts"
import type { TargetName } from "./targets.ts"

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string" },
    only: { type: "string" },
    at: { type: "string" },
  },
})
const only = values.only?.split(",") as TargetName[] | undefined
const unknown = only?.filter(name => !TARGETS.includes(name)) ?? []
if (unknown.length > 0) {
  console.error(`no target ${unknown.join(", ")}; there are: ${TARGETS.join(", ")}`)
  process.exit(2)
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const inputs = Number(values.inputs)
console.log(`seed ${seed}`)
const report = await run({
  seed,
  inputs,
  ...(only && { only }),
  ...(values.at !== undefined && { at: Number(values.at) }),
  progress: done => done % 50_000 === 0 && console.log(`${done} inputs`),
})
for (const [outcome, n] of [...report.outcomes].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(`${String(n).padStart(9)}  ${outcome}`)
}
const { slowest } = report
console.log(`${report.inputs} inputs, ${(report.inputs / report.seconds).toFixed(0)}/s, ${report.seconds.toFixed(0)} s`)
console.log(
  `slowest: ${slowest.ms.toFixed(1)} ms for ${slowest.bytes} bytes (--only ${slowest.target} --at ${slowest.index})`,
)
for (const { target, index, what } of report.failures) {
  console.log(`FAILED: --seed ${seed} --only ${target} --at ${index}: ${what}`)
}
process.exit(report.failures.length > 0 ? 1 : 0)
