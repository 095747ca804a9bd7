/**
 * What the suite's runner serves: the small functions that are measured, and the servers of the peers, which it starts beside itself so
 * that they are on the same node. Owns those processes.
 */
import { type ChildProcess, fork } from "node:child_process"
import { runner } from "slurm-flame/runner"
import { aboutNode } from "../about.ts"
import type { NodeAbout } from "../report.ts"
import type { ServerNews } from "../server-main.ts"

const SERVER = new URL("../server-main.js", import.meta.url)
const SILENCE_MS = 30_000
/** For one that was given up, to end by itself. */
const KILL_MS = 15_000

/** By process id. */
const servers = new Map<number, ChildProcess>()
let kept = new Uint8Array(0)

export const add = (a: number, b: number): number => a + b
export const echo = (bytes: Uint8Array): Uint8Array => bytes
export const sink = (bytes: Uint8Array): number => bytes.byteLength
export const rows = (all: readonly object[]): readonly object[] => all

/** Made once and kept: what is measured is the way, not the making. */
export function source(length: number): Uint8Array {
  if (kept.byteLength !== length) kept = new Uint8Array(length).fill(7)
  return kept
}

/** This node. @param address that of the connection to the parent */
export function describeNode(address: string): NodeAbout {
  return aboutNode("runner", runner().node, address)
}

/** A peer's server that runs. */
export interface Served {
  readonly server: number
  /** What the peer's `connect` needs. */
  readonly where: unknown
}

/**
 * Starts the server of a peer. It ends with this process, or by `unserve`.
 * @throws Error what the peer said
 */
export async function serve(file: string, host: string): Promise<Served> {
  const child = fork(SERVER, [JSON.stringify({ file, host })], { serialization: "advanced" })
  const server = child.pid ?? 0
  servers.set(server, child)
  child.once("exit", () => servers.delete(server))
  try {
    const news = await firstWords(child)
    if ("error" in news) throw new Error(news.error)
    return { server, where: news.where }
  } catch (error) {
    // It closes what it has, and ends: see server-main.ts.
    if (child.connected) child.disconnect()
    setTimeout(() => child.kill("SIGKILL"), KILL_MS).unref()
    throw error
  }
}

/** Ends a server. */
export async function unserve(server: number): Promise<void> {
  const child = servers.get(server)
  if (child?.connected) child.disconnect()
}

function firstWords(child: ChildProcess): Promise<ServerNews> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`its server said nothing for ${SILENCE_MS / 1_000} s`)), SILENCE_MS)
    child.once("message", message => resolve(message as ServerNews))
    child.once("error", reject)
    child.once("exit", (code, signal) => reject(new Error(`its server ended (${signal ?? `exit code ${code}`})`)))
    for (const event of ["message", "error", "exit"]) child.once(event, () => clearTimeout(timer))
  })
}

runner().onShutdown(() => {
  for (const child of servers.values()) if (child.connected) child.disconnect()
})
