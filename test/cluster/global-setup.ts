/**
 * Brings the test cluster up before the cluster tests and down after them. Owns the decision to skip: where no cluster can run, the
 * tests are skipped with the reason. Environment:
 * - SLURM_FLAME_KEEP_CLUSTER=1: leave the cluster up afterwards; the next run then starts at once.
 * - SLURM_FLAME_REQUIRE_CLUSTER=1: fail instead of skipping, for a machine that is known to be able.
 */
import { fileURLToPath } from "node:url"
import type { TestProject } from "vitest/node"
import { installApp } from "./app.ts"
import { cluster, mustRun } from "./command.ts"

/** What the tests get to know. */
export interface ClusterContext {
  /** Why there is no cluster here; null when there is one. */
  skip: string | null
  /** A node binary that the users of the cluster can run. */
  node: string
}

declare module "vitest" {
  export interface ProvidedContext {
    cluster: ClusterContext
  }
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url))
const NODES = 3
/** Exit code of `cluster.sh` for "not possible on this machine"; the reason is the last line of stdout. */
const IMPOSSIBLE = 3

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  let skip = await attempt("check")
  if (skip === null) {
    await takeDown() // what an earlier run left on the nodes, a killed one above all, is not this run's business
    skip = await attempt("up", String(NODES))
  }
  if (skip !== null) {
    if (process.env.SLURM_FLAME_REQUIRE_CLUSTER === "1") throw new Error(`no Slurm cluster can run here: ${skip}`)
    console.warn(`cluster tests SKIPPED: no Slurm cluster can run here: ${skip}`)
    project.provide("cluster", { skip, node: process.execPath })
    return undefined
  }
  try {
    // A kept cluster may still run the jobs of tests that were killed.
    await mustRun(["scancel", "--user=flame"])
    project.provide("cluster", { skip: null, node: await installApp(ROOT) })
  } catch (error) {
    await takeDown()
    throw error
  }
  return takeDown
}

/** @returns the reason if this cannot be done on this machine, null if it was done. */
async function attempt(...args: string[]): Promise<string | null> {
  const { code, stdout, stderr } = await cluster(...args)
  if (code === 0) return null
  if (code === IMPOSSIBLE) return stdout.trim().split("\n").at(-1) ?? "unknown reason"
  throw new Error(`cluster.sh ${args.join(" ")} ended with code ${code}\n${stdout}${stderr}`)
}

async function takeDown(): Promise<void> {
  if (process.env.SLURM_FLAME_KEEP_CLUSTER === "1") return
  const { code, stdout, stderr } = await cluster("down")
  if (code !== 0) throw new Error(`cluster.sh down ended with code ${code}\n${stdout}${stderr}`)
}
