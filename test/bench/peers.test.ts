/**
 * The contract of `Peer` (bench/suite/client.ts), for each file of bench/peers that can be had here: server and client in processes of
 * their own, as the suite has them. What is missing here is named in one test that is skipped.
 */
import { type ChildProcess, fork } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import type { Peer } from "../../bench/suite/client.ts"

const PEERS = new URL("../../bench/peers/", import.meta.url)

/** Python takes seconds to start, several times over, on a busy machine. */
const PATIENCE_MS = 120_000

const files = (await readdir(PEERS)).filter(name => name.endsWith(".mjs")).sort()
const peers = await Promise.all(
  files.map(async name => {
    const file = new URL(name, PEERS).href
    const peer = (await import(file)) as Peer
    return { file, about: peer.about, local: !peer.serve, reason: await peer.missing?.() }
  }),
)
const here = peers.filter(({ reason }) => !reason)
const absent = peers.filter(({ reason }) => reason)

/** A process of the peer's, whose end is to be its own doing. */
class Program {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #said = ""

  constructor(program: URL, file: string, mark: string, signal: AbortSignal) {
    this.#child = fork(program, [file], {
      env: { ...process.env, SLURM_FLAME_TEST_MARK: mark },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // One that does not end by itself must not outlive the test.
      signal,
      killSignal: "SIGKILL",
    })
    this.#child.stderr!.setEncoding("utf8").on("data", text => {
      this.#said += text
    })
    // Of `signal`: `close` comes too, and is what counts.
    this.#child.on("error", () => {})
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once("close", (code, killed) => {
        if (code === 0) resolve()
        else reject(new Error(`${program.pathname} ended with ${killed ?? `code ${code}`}: ${this.#said}`))
      })
    })
    // Awaited later, or after the other program's failure not at all.
    this.#ended.catch(() => {})
  }

  send(message: object) {
    this.#child.send(message)
  }

  /** What it says next. @throws Error when it ended otherwise than well */
  async message<T>(): Promise<T> {
    const [message] = await Promise.race([once(this.#child, "message"), this.#ended.then(() => [])])
    return message as T
  }

  async end(): Promise<void> {
    await this.#ended
  }
}

/** What the client's process found right. @throws Error when one of the two ended otherwise than by itself, with what it wrote */
async function contract(file: string, local: boolean, mark: string, signal: AbortSignal): Promise<string[]> {
  const server = local ? undefined : new Program(new URL("./peers/server.mjs", import.meta.url), file, mark, signal)
  const { where } = (await server?.message<{ where: unknown }>()) ?? {}
  const client = new Program(new URL("./peers/client.mjs", import.meta.url), file, mark, signal)
  client.send({ where })
  const { did } = await client.message<{ did: string[] }>()
  // The server goes on: it is not the server's end that lets the client end.
  await client.end()
  server?.send({ close: true })
  await server?.end()
  return did
}

/** The command lines of the processes that were started with the mark in their environment. */
async function marked(mark: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter(name => /^\d+$/.test(name))
  const lines = await Promise.all(
    pids.map(async pid => {
      try {
        if (!(await readFile(`/proc/${pid}/environ`, "latin1")).includes(mark)) return []
        return [await readFile(`/proc/${pid}/cmdline`, "latin1")]
      } catch {
        return [] // ended meanwhile, or not ours
      }
    }),
  )
  return lines.flat()
}

describe.each(here)("$about.name", ({ file, about, local }) => {
  it("does what its methods promise, and leaves nothing open", { timeout: PATIENCE_MS }, async ({ signal }) => {
    const mark = randomUUID()
    expect(await contract(file, local, mark, signal)).toEqual(expect.arrayContaining(["add", "echo", "sink", "source"]))
    if (existsSync("/proc/self/environ")) expect(await marked(mark)).toEqual([])
  })

  it("says what it is", () => {
    expect(about.kind).toBe(local ? "local" : "wire")
    expect(about.how.length).toBeGreaterThan(20)
  })
})

describe("all peers", () => {
  it("have names of their own", () => {
    expect(new Set(peers.map(({ about }) => about.name)).size).toBe(peers.length)
  })

  // One for all of them, and none where all are here.
  if (absent.length > 0) {
    it("those that are missing here are tried too", context => {
      context.skip(true, absent.map(({ about, reason }) => `${about.name}: ${reason}`).join("; "))
    })
  }
})

describe("their packages", () => {
  const read = async (url: URL) => JSON.parse(await readFile(url, "utf8"))
  const lock = () => read(new URL("package-lock.json", PEERS))

  it("are pinned, and those that are ours too are of our version", async () => {
    const { dependencies } = await read(new URL("package.json", PEERS))
    const ours = (await read(new URL("../../package-lock.json", import.meta.url))).packages
    const locked = (await lock()).packages
    for (const [name, version] of Object.entries(dependencies)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
      expect(locked[`node_modules/${name}`].version).toBe(version)
      // Or else raw ws, say, would be another ws than the one we run over.
      const own = ours[`node_modules/${name}`]
      if (own) expect(version, name).toBe(own.version)
    }
  })

  it("come from whatever registry who installs them uses", async () => {
    const from = Object.values<{ resolved?: string }>((await lock()).packages).filter(({ resolved }) => resolved)
    expect(from).toEqual([])
  })

  it("say what is not installed, and how to", async () => {
    const { packages } = await import(new URL("lib/needs.mjs", PEERS).href)
    expect(await packages(["ws", "no-such-package"])()).toMatch(/^not installed: no-such-package \(.*npm ci/)
    expect(await packages(["ws"])()).toBeUndefined()
  })
})

it("a program that fails says so itself", async () => {
  const { Foreign } = await import(new URL("lib/foreign.mjs", PEERS).href)
  const script = fileURLToPath(new URL("./peers/no-such-program.mjs", import.meta.url))
  await expect(Foreign.start(process.execPath, [script])).rejects.toThrow(/code 1.*no-such-program/s)
  await expect(Foreign.start("no-such-command-at-all", [])).rejects.toThrow(/did not start/)
})
