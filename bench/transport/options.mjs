/** The command line of the transport benchmark. */
import { parseArgs } from "node:util"

/** @returns `{ quick, json, rounds, only }`. @throws Error for an unknown option, group or a number of rounds that is none */
export function readOptions(args, groups, defaultJson) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string", default: defaultJson },
      only: { type: "string" },
      rounds: { type: "string" },
    },
  })
  const only = values.only?.split(",") ?? groups
  const unknown = only.filter(name => !groups.includes(name))
  if (unknown.length > 0) throw new Error(`--only: no group ${unknown.join(", ")}; there are ${groups.join(", ")}`)
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds: "${values.rounds}" is not a whole number of at least 1`)
  }
  return { quick: values.quick, json: values.json, only, ...(rounds === undefined ? {} : { rounds }) }
}
