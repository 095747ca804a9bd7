/** What the tests of the end of a job's time share: a parent whose runner's job has so many minutes, and what is left of it. */
import { expect } from "vitest"
import { mustRun } from "../command.ts"
import { inNode, nodeProcesses, type Program, waitFor } from "../harness.ts"
import { call, HEAD, openPool, type Where } from "../parent.ts"

export interface ShortJob {
  readonly parent: Program
  readonly where: Where
  /** End of its time as the runner knows it, on the clock of all nodes here. */
  readonly deadline: number
}

/** Opens a pool of one runner whose job may run for so many minutes. Resolves when it serves and knows its end. */
export async function shortJob(minutes: number, slurm: object = {}): Promise<ShortJob> {
  const slurmJob = HEAD.replace("00:10:00", `00:0${minutes}:00`)
  // On n3 others switch the power off.
  const parent = await openPool({ max: 1, handover: false }, { slurmJob, sbatch: { exclude: "n3" }, ...slurm })
  const where = await call<Where>(parent, "where")
  const deadline = await waitFor(() => call<number | undefined>(parent, "deadline"), "the runner to know its end")
  return { parent, where, deadline }
}

/** Nothing of the runner is left on its node: directory, processes, those that it started included. */
export async function vanished({ node, tmpdir, ppid }: Where, pids: readonly number[] = []): Promise<void> {
  expect((await inNode(node, ["test", "-e", tmpdir])).code).not.toBe(0)
  const ours = new Set([ppid, ...pids])
  await waitFor(
    async () => !(await nodeProcesses(node)).some(({ pid }) => ours.has(pid)),
    `the processes ${[...ours]} on ${node} to end`,
  )
}

/** Slurm's word on a job's end, e.g. `COMPLETED`: it ended by itself; `TIMEOUT`: Slurm had to end it. */
export async function endOf(job: string): Promise<string> {
  return await waitFor(async () => {
    const out = await mustRun(["scontrol", "--oneliner", "show", "job", job])
    const state = / JobState=(\S+)/.exec(out)?.[1]
    return state !== "RUNNING" && state !== "COMPLETING" && state
  }, `job ${job} to end`)
}
