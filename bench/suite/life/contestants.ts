/**
 * Whom our runners' lives are compared with: a bare Node process, threads in this process, and an empty job. Owns how each is begun and
 * ended; each can be begun again and again.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import type { Pool } from "slurm-flame"
import { backendOf } from "../backend.ts"
import type { Peer } from "../client.ts"
import type { Bench } from "../group.ts"
import { findSubjects } from "../subjects.ts"
import { emptyJob } from "./job-script.ts"
import { BARE_NODE, EMPTY_JOB } from "./names.ts"

/** Something that can be begun and ended, over and over. */
export interface Contestant {
  readonly name: string
  /** Begins it, up to its first result. @throws Error why it could not */
  begin(): Promise<Begun>
}

export interface Begun {
  /** Ends it; resolves when it is gone. */
  end(): Promise<void>
}

/** A process of Node that does nothing: what any process costs here, ours included. Its end is that by SIGTERM. */
export const bareNode: Contestant = {
  name: BARE_NODE,
  async begin() {
    const child = spawn(process.execPath, ["-e", "process.stdout.write('up');setInterval(() => {}, 60_000)"], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    const exited = once(child, "exit")
    exited.catch(() => {}) // told below
    try {
      await Promise.race([
        once(child.stdout, "data"),
        exited.then(([code]) => Promise.reject(new Error(`node -e ended: ${code}`))),
      ])
    } catch (error) {
      child.kill("SIGKILL")
      throw error
    }
    return {
      async end() {
        child.kill("SIGTERM")
        await exited
      },
    }
  },
}

/** The threads among the peers, where they are installed: each is made anew in this process, and called once. */
export async function threads(bench: Bench): Promise<Contestant[]> {
  const { subjects } = bench.options
  const found = (await findSubjects()).filter(
    ({ name, kind }) => kind === "local" && (subjects?.includes(name) ?? true),
  )
  return found.flatMap(({ name, file, missing }) => {
    if (missing !== undefined || file === undefined) {
      bench.skip(name, missing ?? "it has no file")
      return []
    }
    return [{ name, begin: () => beginPeer(file) }]
  })
}

async function beginPeer(file: string): Promise<Begun> {
  const { connect } = (await import(file)) as Peer
  const client = await connect(undefined)
  const sum = await client.add(1, 2)
  if (sum !== 3) throw new Error(`1 + 2 was ${sum}`)
  return { end: () => client.close() }
}

/**
 * The user's job script with a line in the runner's place that opens a connection to this process: what Slurm, the script and the network
 * cost before anything of ours has begun. It is submitted as a runner is.
 */
export function emptyJobOf(bench: Bench, module: URL): Contestant {
  const [parent] = bench.about.nodes
  return {
    name: EMPTY_JOB,
    async begin() {
      if (!parent) throw new Error("this program's own address is not known")
      const server = createServer()
      const came = once(server, "connection") as Promise<[Socket]>
      came.catch(() => {}) // told below
      server.listen(0, parent.address)
      let pool: Pool<unknown> | undefined
      const close = async () => {
        server.close()
        await pool?.close({ timeout: 0 }) // cancels the job
      }
      try {
        await once(server, "listening")
        const { port } = server.address() as { port: number }
        const slurmJob = emptyJob(bench.options.slurmJob, parent.address, port)
        const backend = backendOf({ ...bench.options, slurmJob })
        const made = (await bench.pool(module, { name: "bench-empty", backend, logger: false })) as Pool<unknown>
        pool = made
        // It never becomes a runner: what this rejects with is why the job did not come so far, or that it was called off.
        const failed = made.spawn().then(() => Promise.reject(new Error("the empty job became a runner")))
        const [socket] = await Promise.race([came, failed])
        socket.on("error", () => {}) // it is cut when its job is cancelled
        return {
          async end() {
            failed.catch(() => {})
            await close()
            socket.destroy()
          },
        }
      } catch (error) {
        await close()
        throw error
      }
    },
  }
}
