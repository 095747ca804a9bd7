/** A job from the handle that another process left. */
import { expect, it } from "vitest"
import { adoptedJob } from "../../src/slurm/adopted-job.ts"
import { Canceller } from "../../src/slurm/canceller.ts"
import { type JobServices, SlurmJob } from "../../src/slurm/job.ts"
import { Watcher } from "../../src/slurm/watcher.ts"

const client = { queue: async () => new Map(), show: async () => undefined, scancel: async () => new Map() }
const services = (): JobServices => ({
  client,
  watcher: new Watcher(client),
  canceller: new Canceller(client),
  accounting: { record: async () => ({ maxRssBytes: undefined, cancelledBy: undefined }) },
  missingGraceMs: 60_000,
})
const LOG = { path: "/nonexistent/log", cwd: "/", jobName: "x", own: false }

it.each([false, true])("is the same job, and still knows whether Slurm may start it again: %s", async requeues => {
  const left = new SlurmJob("7_3", LOG, services(), requeues)
  const job = adoptedJob(JSON.parse(JSON.stringify(left.handle)), services())
  expect(job).toMatchObject({ id: "7_3", requeues, handle: left.handle })
  // What was submitted long ago is not missing because it is young.
  expect(await job.ended()).toMatchObject({ state: "ended", evidence: { jobId: "7_3" } })
})

it.each([null, 7, {}, { id: "7; rm", log: LOG, requeues: false }, { id: "7", log: LOG }])(
  "is not made of %j",
  handle => {
    expect(() => adoptedJob(handle, services())).toThrow(/none of Slurm's/)
  },
)
