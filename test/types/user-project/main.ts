/** A stranger's program, in the words of the README. It must compile without one error. */
import {
  type Backend,
  type CallOptions,
  createPool,
  type Duration,
  isFlameError,
  local,
  type Pool,
  type PoolOptions,
  type Remote,
  type RemoteStream,
  type ResultStream,
  type Runner,
  RunnerLostError,
  type SettledItem,
  slurm,
} from "slurm-flame"
import type * as train from "./train.js"
import type { Model } from "./train.js"

const backend: Backend =
  process.env.CLUSTER === undefined
    ? local()
    : slurm({
        slurmJob: `#!/bin/bash
#SBATCH --time=01:00:00
#SBATCH --partition=cpu
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`,
      })

const idle: Duration = "30s"
const options: PoolOptions = {
  module: new URL("./train.js", import.meta.url),
  backend,
  min: 0,
  max: 10,
  maxConcurrency: 5,
  idleShutdownAfter: idle,
}

export async function main(signal: AbortSignal): Promise<number[]> {
  await using pool: Pool<typeof train> = createPool<typeof train>(options)
  await pool.ready()

  await using leased: Runner<typeof train> = await pool.spawn()
  const model = await leased.api.train({ rate: 0.1 }, e =>
    process.stdout.write(`${e.epoch} ${e.accuracy.toFixed(2)}\n`),
  )
  const weights: Float32Array = model.weights

  const api: Remote<typeof train> = pool.api
  const found: { accuracy: number } = await api.train({ rate: 0.2 })

  const limits: CallOptions = { timeout: "5m", signal }
  const best = await pool.call(remote => remote.train({ rate: 0.3, layers: [3] }), limits)

  const models = await pool.map([0.1, 0.2], (remote, rate) => remote.train({ rate }))
  const rows: ResultStream<SettledItem<number, Model>> = pool.map(
    [0.1, 0.2],
    (remote, rate) => remote.train({ rate }),
    { onError: "settle", signal },
  )
  for await (const r of rows) {
    if (r.status === "rejected") process.stderr.write(`${r.index} ${String(r.reason)}\n`)
    else models.push(r.value)
  }
  pool.cast(remote => remote.where())

  const stream: RemoteStream<number> = leased.api.losses(3)
  const seen: number[] = []
  for await (const loss of stream) seen.push(loss)
  for await (const loss of await pool.api.losses(3)) seen.push(loss)

  const counter = await leased.api.counter()
  seen.push(await counter.increment(2))
  const { node } = await pool.api.where()
  process.stdout.write(`${String(node)} ${weights.length}\n`)

  await leased.release()
  await pool.close()
  return [...seen, found.accuracy, best.accuracy, models.length]
}

main(new AbortController().signal).catch((error: unknown) => {
  if (error instanceof RunnerLostError && !error.started) process.stderr.write("never started\n")
  if (isFlameError(error)) process.stderr.write(`${error.code}: ${error.message}\n`)
  process.exitCode = 1
})
