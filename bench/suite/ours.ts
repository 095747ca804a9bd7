/**
 * slurm-flame as a subject, through its public API: one leased runner. Runs in a client process; its runner's node is where the servers of
 * the peers run. Owns the pool.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { createPool, type RunnerInfo } from "slurm-flame"
import { type BackendOptions, backendOf } from "./backend.ts"
import type { Client } from "./client.ts"
import type * as agent from "./modules/agent.ts"
import type { Served } from "./modules/agent.ts"
import type { NodeAbout } from "./report.ts"
import { tellWait } from "./wait.ts"

export interface OursOptions extends BackendOptions {
  readonly tls: boolean
  /** How long its runner may wait and boot. */
  readonly bootMs: number
}

/** Where its runner is. */
export interface Site {
  /** That the runner dials from. */
  readonly address: string
  /** The parent's, that it dials. */
  readonly parentAddress: string
  readonly node: NodeAbout
}

export interface Ours {
  readonly client: Client
  readonly site: Site
  /** Starts a peer's server on the runner's node. */
  serve(file: string): Promise<Served>
  /** Whether the runner answers. @throws Error that it is lost, and what is known of it */
  alive(ms: number): Promise<void>
  /** Ends it. */
  unserve(server: number): Promise<void>
}

const AGENT = new URL("./modules/agent.js", import.meta.url)

/** @param onLost told why, when the runner is gone though nobody closed it */
export async function openOurs(options: OursOptions, onLost: (why: string) => void): Promise<Ours> {
  const { tls, bootMs } = options
  const pool = createPool<typeof agent>({
    module: AGENT,
    name: tls ? "bench" : "bench-plain",
    max: 1,
    maxConcurrency: 20_000,
    bootTimeout: bootMs,
    heartbeat: "1m", // an idle subject sends nothing while another is measured
    ...(tls ? {} : { tls: false }),
    backend: backendOf(options),
  })
  tellWait(pool, bootMs, news => process.send?.(news))
  try {
    const r = await pool.spawn()
    const address = addressOf(r.info.addresses?.remote)
    let closing = false
    r.closed.then(
      info =>
        closing || onLost(`the runner ${info.id} on ${info.node ?? "its node"} was lost: ${info.reason ?? info.state}`),
      error => closing || onLost(`the runner was lost: ${error instanceof Error ? error.message : String(error)}`),
    )
    const client: Client = {
      add: (a, b) => r.api.add(a, b),
      echo: bytes => r.api.echo(bytes),
      sink: bytes => r.api.sink(bytes),
      source: length => r.api.source(length),
      rows: all => r.api.rows(all),
      async close() {
        closing = true
        await pool.close({ timeout: "2s" })
      },
    }
    const parentAddress = addressOf(r.info.addresses?.local)
    const site = { address, parentAddress, node: await r.api.describeNode(address) }
    const alive = async (ms: number) => {
      const answered = new AbortController()
      const silence = sleep(ms, undefined, { signal: answered.signal }).then(() => {
        throw new Error(silent(r.info, ms))
      })
      try {
        await Promise.race([r.api.add(1, 2), silence])
      } finally {
        answered.abort()
      }
    }
    return { client, site, alive, serve: file => r.api.serve(file, address), unserve: server => r.api.unserve(server) }
  } catch (error) {
    await pool.close({ timeout: 0 })
    throw error
  }
}

function silent({ id, jobId, node, reason }: RunnerInfo, ms: number): string {
  const job = jobId === undefined ? "" : ` (job ${jobId})`
  const known = reason === undefined ? "" : `; of its job is known: ${reason}`
  return `the runner ${id}${job} on ${node ?? "its node"} answers nothing for ${ms / 1_000} s: the node, or the way to it, is down or stuck${known}`
}

/** Without what a socket of both families puts in front. @throws Error when there is none */
function addressOf(address: string | undefined): string {
  if (address === undefined) throw new Error("the runner serves, and it is not known over which address")
  return address.replace(/^::ffff:/, "")
}
