/**
 * Which subjects there are: ours, and those of bench/peers. Owns their order in the tables, and why one cannot be had here. Opens none.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Peer } from "./client.ts"

export interface Subject {
  readonly name: string
  readonly kind: "wire" | "local"
  readonly how: string
  /** The peer's file as a URL; undefined for ours. */
  readonly file?: string
  /** Of ours only. */
  readonly tls?: boolean
  /** Why it cannot be had here; undefined when it can, as far as is known before it is opened. */
  readonly missing?: string
}

/** Ours as it is by default, and what it is without TLS. */
export const OURS = "slurm-flame"
export const OURS_PLAIN = "slurm-flame, no TLS"

/** Two levels up both from bench/suite and from dist/bench. */
export const PEERS_DIR = fileURLToPath(new URL("../../bench/peers/", import.meta.url))

const ORDER = [OURS, OURS_PLAIN, "raw TCP", "raw ws", "comlink worker_threads", "piscina", "tinypool"]

/** All subjects, in the order of the tables; also those that cannot be had. @param directory of the peers */
export async function findSubjects(directory = PEERS_DIR): Promise<Subject[]> {
  const files = existsSync(directory) ? readdirSync(directory).filter(name => name.endsWith(".mjs")) : []
  const peers = await Promise.all(files.sort().map(name => peerAt(path.join(directory, name))))
  const ours: Subject[] = [
    {
      name: OURS,
      kind: "wire",
      tls: true,
      how: "one leased runner, defaults: TLS 1.3 with a pre-shared key over WebSockets",
    },
    { name: OURS_PLAIN, kind: "wire", tls: false, how: "the same with `tls: false`: plain WebSockets" },
  ]
  const place = ({ name }: Subject) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return [...ours, ...peers].sort((a, b) => place(a) - place(b))
}

async function peerAt(file: string): Promise<Subject> {
  const url = pathToFileURL(file).href
  try {
    const { about } = (await import(url)) as Peer
    const { name, kind, how, needs = [] } = about
    const lacking = needs.filter(need => !hasPackage(need, file) && !hasCommand(need, file))
    if (lacking.length === 0) return { name, kind, how, file: url }
    return { name, kind, how, file: url, missing: `not installed: ${lacking.join(", ")}${hint(lacking, file)}` }
  } catch (error) {
    const name = path.basename(file, ".mjs")
    const missing = `${name}.mjs cannot be loaded: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`
    return { name, kind: "wire", how: "", file: url, missing }
  }
}

function hint(lacking: readonly string[], file: string): string {
  return lacking.some(need => isPackage(need, file)) ? " (slurm-flame bench --install-peers)" : ""
}

/** Found as an import from `file` would find it: in the node_modules of a directory above. */
function hasPackage(name: string, file: string): boolean {
  for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, "node_modules", name, "package.json"))) return true
    if (directory === path.dirname(directory)) return false
  }
}

/** Whether the package.json of the peers names it: then a command of that name would not be what is meant. */
function isPackage(name: string, file: string): boolean {
  const manifest = path.join(path.dirname(file), "package.json")
  if (!existsSync(manifest)) return false
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, "utf8")) as { dependencies?: Record<string, string> }
  return Object.hasOwn(dependencies, name)
}

function hasCommand(name: string, file: string): boolean {
  if (isPackage(name, file)) return false
  return (process.env.PATH ?? "").split(path.delimiter).some(directory => {
    try {
      accessSync(path.join(directory, name), constants.X_OK)
      return true
    } catch {
      return false // not there, or not for us: either way it is not to be had
    }
  })
}
