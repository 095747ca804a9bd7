/**
 * The parent of `programs/pool.mjs` as the tests drive it: its pool, its calls, and the proof that nothing of it is left. Owns the
 * conversation; decides nothing about what is tested.
 */
import { expect } from "vitest"
import {
  asUser,
  NODES,
  type NodeName,
  nodeProcesses,
  noJobsLeft,
  type Program,
  type ProgramEvent,
  squeue,
  tempDirsLeft,
  waitFor,
} from "./harness.ts"

/** The job script of the README, with an interface that has several words in its address line. */
export const HEAD = `#!/bin/bash
#SBATCH --time=00:10:00
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`

/** What `where` of `programs/basic.ts` says. */
export interface Where {
  id: string
  jobId: string
  node: NodeName
  tmpdir: string
  pid: number
  ppid: number
}

/** Starts the parent and opens its pool. `env` is added to the parent's environment. */
export async function openPool(
  options: object = {},
  slurm?: object,
  env: Record<string, string> = {},
): Promise<Program> {
  // What it says of its runners is shown when a test fails.
  const parent = asUser("pool.mjs", [], { env: { SLURM_FLAME_LOG: "debug", ...env } })
  parent.send({ do: "open", options, slurm: { slurmJob: HEAD, ...slurm } })
  await parent.next("opened")
  return parent
}

/** Leases a runner and calls it `as`. */
export async function spawn(parent: Program, as: string): Promise<void> {
  parent.send({ do: "spawn", as })
  await parent.next("spawned")
}

let nextId = 1

/** Makes a call, of the pool or of the lease `on`, and returns its number: `result` or `failed` carries it. */
export function start(parent: Program, method: string, args: unknown[] = [], on: string | null = null): number {
  const id = nextId++
  parent.send({ do: "call", id, on, method, args })
  return id
}

/** Makes a call and waits for what it returns. No other call may be open. */
export async function call<T>(
  parent: Program,
  method: string,
  args: unknown[] = [],
  on: string | null = null,
): Promise<T> {
  start(parent, method, args, on)
  return (await parent.next("result")).value as T
}

/** What tests look at in a runner's info. */
export interface Info {
  id: string
  jobId: string
  node: NodeName
  state: string
  /** Why it waits, in Slurm's words. */
  reason?: string
  inFlight: number
}

/** The runners that the pool has now. */
export async function runners(parent: Program): Promise<Info[]> {
  parent.send({ do: "stats" })
  return (await parent.next("stats")).stats.runners
}

/** The pool's runners, once they are as wanted. Only for what sends no event. `what`: for the message. */
export async function runnersAre(parent: Program, what: string, fits: (runners: Info[]) => boolean): Promise<Info[]> {
  let last: Info[] = []
  return await waitFor(
    async () => {
      last = await runners(parent)
      return fits(last) && last
    },
    () => `${what}; the runners are ${JSON.stringify(last)}`,
  )
}

/** Closes the pool and ends the parent, which must exit by itself. Of other parents there may be jobs. */
export async function close(parent: Program): Promise<void> {
  parent.send({ do: "close" })
  await parent.next("closed-pool")
  parent.hangUp()
  expect(await parent.result).toMatchObject({ code: 0, signal: null })
}

/** Closes the pool and ends the parent; it must exit by itself, with nothing left anywhere. */
export async function closeCleanly(parent: Program): Promise<void> {
  parent.send({ do: "close" })
  await parent.next("closed-pool")
  expect(await squeue()).toEqual([]) // at once: close() has waited for it
  parent.hangUp()
  expect(await parent.result).toMatchObject({ code: 0, signal: null })
  await nothingLeft()
}

/** No job, no process of the user on any node, no temporary directory. */
export async function nothingLeft(): Promise<void> {
  await noJobsLeft()
  for (const node of NODES) {
    await waitFor(async () => (await nodeProcesses(node)).length === 0, `the user's processes on ${node} to end`)
    expect(await tempDirsLeft(node)).toEqual([])
  }
}

/** The next `count` events of a kind. */
export async function all(parent: Program, event: string, count: number): Promise<ProgramEvent[]> {
  return await Promise.all(Array.from({ length: count }, () => parent.next(event)))
}
