/** Calls that write down that they ran, in a file that all nodes share, and end when another one is there. */
import { randomUUID } from "node:crypto"
import { appendFileSync, existsSync } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"
import { runner } from "slurm-flame/runner"

/** Loaded with the module, and lost with its process. */
const state = randomUUID()

/** What this runner is, in one line. */
export function who(): string {
  return `${runner().jobId} with ${state}`
}

export async function work(dir: string, name: string) {
  appendFileSync(`${dir}/runs`, `${name} on ${who()}\n`)
  while (!existsSync(`${dir}/${name}`)) await delay(50)
  return { name, jobId: runner().jobId }
}
