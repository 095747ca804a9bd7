/**
 * A parent with several pools that does what the test tells it, one JSON line at a time, and says what comes of it. Runs as the user.
 *
 *     {"do": "open", "pools": {"a": {"options": {...}, "slurm": {...}}, ...}}    createPool for each, in one turn
 *     {"do": "ready", "pool": "a"}  {"do": "spawn", "pool": "a", "count": 5}  {"do": "stats", "pool": "a"}  {"do": "close", "pool": "a"}
 *     {"do": "scale", "pool": "a", "limits": {...}}
 *     {"do": "everywhere", "pool": "a", "method": "where"}                       calls it on each runner of a full pool
 */
import { createInterface } from "node:readline"
import { createPool, slurm } from "slurm-flame"

const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
const errorOf = ({ name, message, code }) => ({ name, message, code })

const pools = new Map()

const actions = {
  open({ pools: wanted }) {
    for (const [name, { options = {}, slurm: backend = {} }] of Object.entries(wanted)) {
      const pool = createPool({
        module: new URL("./basic.ts", import.meta.url),
        backend: slurm(backend),
        name,
        ...options,
      })
      for (const event of ["runner:up", "runner:drain", "runner:down"])
        pool.on(event, info => say(event, { pool: name, info }))
      pool.on("error", e => say("error", { pool: name, error: errorOf(e) }))
      pools.set(name, pool)
    }
    say("opened")
  },
  async ready({ pool }) {
    await pools.get(pool).ready()
    say("ready", { pool })
  },
  spawn({ pool, count }) {
    // That they end when the pool is closed is what the test wants.
    for (let i = 0; i < count; i++)
      pools
        .get(pool)
        .spawn()
        .then(
          runner => say("spawned", { pool, info: runner.info }),
          error => say("failed", { pool, error: errorOf(error) }),
        )
  },
  async everywhere({ pool, method }) {
    const runners = await Promise.all(
      pools
        .get(pool)
        .stats()
        .runners.map(() => pools.get(pool).spawn()),
    )
    const values = await Promise.all(runners.map(async r => ({ info: r.info, value: await r.api[method]() })))
    await Promise.all(runners.map(r => r.release()))
    say("everywhere", { pool, values })
  },
  stats({ pool }) {
    say("stats", { pool, stats: pools.get(pool).stats() })
  },
  scale({ pool, limits }) {
    pools.get(pool).scale(limits)
  },
  async close({ pool }) {
    await pools.get(pool).close()
    say("closed-pool", { pool })
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  Promise.resolve()
    .then(() => actions[command.do](command))
    .catch(e => say("failed", { do: command.do, pool: command.pool, error: errorOf(e) }))
}
