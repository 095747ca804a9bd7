/**
 * A parent that does what the test tells it, one JSON line at a time, and says what comes of it. Runs as the user.
 *
 *     {"do": "open", "options": {...}, "slurm": {...}}   createPool
 *     {"do": "spawn", "as": "a"}  {"do": "release"|"terminate", "as": "a"}
 *     {"do": "call", "id": 1, "on": "a" | null, "method": "where", "args": [...]}     args: "$report" is a callback
 *     {"do": "traffic", "width": 3, "ms": 50, "book": "/path"}  {"do": "passed", "more": 20, "node": "n1"}  {"do": "quiet"}
 *                                          "limits": {...} are options of the call
 *     {"do": "close"}  {"do": "stats"}
 *     {"do": "exit", "code": 3}  {"do": "crash"}         process.exit(), and an error that nobody catches
 */
import { createInterface } from "node:readline"
import { createPool, slurm } from "slurm-flame"
import { Traffic } from "./traffic.mjs"

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
let traffic
const leases = new Map()
const waiting = new Map()

const actions = {
  open({ options = {}, slurm: backend = { slurmJob: SCRIPT } }) {
    pool = createPool({ module: new URL("./basic.ts", import.meta.url), max: 3, backend: slurm(backend), ...options })
    for (const name of [
      "grow",
      "runner:pending",
      "runner:up",
      "runner:drain",
      "runner:requeued",
      "runner:handover",
      "call:resumed",
      "runner:down",
      "refused",
      "scheduler",
    ])
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
  async call({ id, on, method, args = [], retries, limits = {} }) {
    const report = async value => {
      say("report", { id, value })
    }
    const barrier = value => {
      say("report", { id, value })
      return new Promise(resolve => waiting.set(id, resolve))
    }
    const real = args.map(a => (a === "$report" ? report : a === "$barrier" ? barrier : a))
    const options = retries === undefined ? limits : { ...limits, retries }
    const api = (on === undefined || on === null ? pool : leases.get(on)).with(options)
    const value = await api[method](...real)
    say("result", {
      id,
      value: ArrayBuffer.isView(value?.weights) ? { ...value, weights: [...value.weights].map(String) } : value,
    })
  },
  traffic({ width, ms, book, retries = 0 }) {
    const api = pool.with({ retries })
    traffic = new Traffic(width, id => api.work(book, id, ms))
    say("traffic")
  },
  async passed({ more, node }) {
    await traffic.passed(more, node)
    say("passed", { node })
  },
  async quiet() {
    const { sent, done, failed } = await traffic.end()
    say("quiet", { sent, done, failed: failed.map(({ id, error }) => ({ id, error: errorOf(error) })) })
  },
  stats() {
    say("stats", { stats: pool.stats() })
  },
  exit({ code }) {
    process.exit(code)
  },
  crash() {
    setImmediate(() => {
      throw new Error("nobody catches this")
    })
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
