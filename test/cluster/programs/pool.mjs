/**
 * A parent that does what the test tells it, one JSON line at a time, and says what comes of it. Runs as the user.
 *
 *     {"do": "open", "options": {...}, "slurm": {...}}   createPool
 *     {"do": "spawn", "as": "a"}  {"do": "release"|"terminate", "as": "a"}
 *     {"do": "call", "id": 1, "on": "a" | null, "method": "where", "args": [...]}     args: "$report" is a callback
 *                                          "limits": {...} are options of the call
 *     {"do": "close"}  {"do": "stats"}
 */
import { createInterface } from "node:readline"
import { createPool, slurm } from "slurm-flame"

const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
const errorOf = e => ({
  name: e.name,
  message: e.message,
  code: e.code,
  reason: e.reason,
  started: e.started,
  evidence: e.evidence,
})

const SCRIPT = `#!/bin/bash
#SBATCH --time=00:10:00
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`

let pool
const leases = new Map()
const waiting = new Map()

const actions = {
  open({ options = {}, slurm: backend = { slurmJob: SCRIPT } }) {
    pool = createPool({ module: new URL("./basic.ts", import.meta.url), max: 3, backend: slurm(backend), ...options })
    for (const name of ["grow", "runner:up", "runner:drain", "runner:requeued", "runner:down", "refused"])
      pool.on(name, info => say(name, { info }))
    pool.on("error", e => say("error", { error: errorOf(e) }))
    say("opened")
  },
  async ready() {
    await pool.ready()
    say("ready")
  },
  async spawn({ as }) {
    const runner = await pool.spawn()
    leases.set(as, runner)
    void runner.closed.then(info => say("closed", { as, info }))
    say("spawned", { as, info: runner.info })
  },
  async release({ as }) {
    await leases.get(as).release()
    say("released", { as })
  },
  async terminate({ as }) {
    await leases.get(as).terminate()
    say("terminated", { as })
  },
  /** Resolves the callback that a call waits in. */
  async go({ id }) {
    waiting.get(id)?.()
  },
  async call({ id, on, method, args = [], limits = {} }) {
    const report = async value => {
      say("report", { id, value })
    }
    const barrier = value => {
      say("report", { id, value })
      return new Promise(resolve => waiting.set(id, resolve))
    }
    const real = args.map(a => (a === "$report" ? report : a === "$barrier" ? barrier : a))
    const api = (on === undefined || on === null ? pool : leases.get(on)).with(limits)
    const value = await api[method](...real)
    say("result", {
      id,
      value: ArrayBuffer.isView(value?.weights) ? { ...value, weights: [...value.weights].map(String) } : value,
    })
  },
  stats() {
    say("stats", { stats: pool.stats() })
  },
  async close() {
    await pool.close()
    say("closed-pool")
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  Promise.resolve()
    .then(() => actions[command.do](command))
    .catch(e => say("failed", { do: command.do, id: command.id, as: command.as, error: errorOf(e) }))
}
