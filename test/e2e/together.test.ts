/** What several pools of one program share, and what several runners of one submission do not. */
import { once as event } from "node:events"
import { connect } from "node:net"
import { expect, it } from "vitest"
import { local } from "../../src/index.ts"
import type { Endpoint } from "../../src/shared/address.ts"
import type { Backend, Job, RunnerSpec, WantedRunner } from "../../src/shared/backend.ts"
import { BOOT_VARIABLE, type BootConfig, decodeBoot, taskVariable } from "../../src/shared/boot.ts"
import { basicPool, once } from "./helpers.ts"

/**
 * Child processes that are started as the tasks of an array job are: the environment of each holds the boot variables of all, and
 * Slurm's word on which task it is.
 */
class ArrayOfChildren implements Backend {
  readonly name = "children"
  readonly network = "loopback"
  /** The runners of each submission, as the pool wrote them. */
  readonly submissions: BootConfig[][] = []
  readonly #inner = local({ killWait: "1s" })

  validate(): void {}

  submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    this.submissions.push([decodeBoot(spec.secretEnv[BOOT_VARIABLE])])
    return this.#inner.submit(spec, signal)
  }

  submitMany(wanted: readonly WantedRunner[]): readonly Promise<Job>[] {
    const boots = wanted.map(({ spec }) => spec.secretEnv[BOOT_VARIABLE]!)
    this.submissions.push(boots.map(decodeBoot))
    const secretEnv = Object.fromEntries(boots.map((boot, task) => [taskVariable(BOOT_VARIABLE, task), boot]))
    return wanted.map(({ spec, signal }, task) => {
      const slurm = { SLURM_ARRAY_JOB_ID: "77", SLURM_ARRAY_TASK_ID: String(task), SLURM_JOB_ID: String(77 + task) }
      return this.#inner.submit({ ...spec, secretEnv, env: { ...spec.env, ...slurm } }, signal)
    })
  }

  cancelSync(jobs: readonly Job[]): void {
    this.#inner.cancelSync(jobs)
  }
}

it("runners of one submission have ids and keys of their own, and user code sees none of them", async () => {
  const backend = new ArrayOfChildren()
  const pool = basicPool({ backend, min: 3, max: 3 })
  await pool.ready()
  expect(backend.submissions).toHaveLength(1)
  const boots = backend.submissions[0]!
  for (const field of ["runnerId", "key"] as const) expect(new Set(boots.map(boot => boot[field])).size).toBe(3)

  const runners = await Promise.all([pool.spawn(), pool.spawn(), pool.spawn()])
  const seen = await Promise.all(
    runners.map(async runner => ({
      info: runner.info,
      where: await runner.api.where(),
      env: await runner.api.environment(),
    })),
  )
  expect(seen.map(({ info }) => info.id).sort()).toEqual(boots.map(boot => boot.runnerId).sort())
  // What scancel takes for the task alone: the number of one of them may be that of the whole array.
  const jobIds = boots.map((boot, task) => [boot.runnerId, `77_${task}`])
  expect(Object.fromEntries(seen.map(({ info, where }) => [info.id, where.jobId]))).toEqual(Object.fromEntries(jobIds))
  expect(new Set(seen.map(({ where }) => where.tmpdir)).size).toBe(3)
  for (const { env } of seen) {
    expect(env).toMatchObject({ SLURM_ARRAY_JOB_ID: "77" })
    for (const name of Object.keys(env)) expect(name).not.toMatch(/^SLURM_FLAME_(BOOT|JOB)/)
    for (const { key } of boots) expect(JSON.stringify(env)).not.toContain(key)
  }
})

it("pools share one port, which is there until the last of them is closed; a stranger is told to each of them", async () => {
  const [a, b] = [new ArrayOfChildren(), new ArrayOfChildren()]
  const [one, other] = [basicPool({ backend: a }), basicPool({ backend: b })]
  expect(await Promise.all([one.api.add(1, 2), other.api.add(3, 4)])).toEqual([3, 7])
  const [{ port }] = a.submissions[0]![0]!.addresses as [Endpoint]
  expect(b.submissions[0]![0]!.addresses).toEqual([{ host: "127.0.0.1", port }])

  const told = Promise.all([once(one, "refused"), once(other, "refused")])
  const stranger = connect(port, "127.0.0.1").on("error", () => {})
  stranger.resume().end("GET / HTTP/1.1\r\n\r\n")
  expect(await told).toMatchObject([{ reason: "tls" }, { reason: "tls" }])

  await one.close()
  expect(await other.api.add(5, 6)).toBe(11)
  await other.close()
  const [error] = await event(connect(port, "127.0.0.1"), "error")
  expect(error).toMatchObject({ code: "ECONNREFUSED" })
})
