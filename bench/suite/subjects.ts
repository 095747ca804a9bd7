/**
 * Which subjects there are: ours, and those of bench/peers. Owns their order in the tables, and why one cannot be had here. Opens none.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { type Introduced, introductions } from "./introductions.ts"

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

/** What was found in this package, from the first question on. */
let known: Promise<Subject[]> | undefined

/**
 * All subjects, in the order of the tables; also those that cannot be had. Those of this package are asked once: one that hangs takes time.
 * @param directory of the peers
 * @param limits for their answers, see `introductions`
 */
export function findSubjects(directory = PEERS_DIR, limits?: Parameters<typeof introductions>[1]): Promise<Subject[]> {
  if (directory !== PEERS_DIR) return find(directory, limits)
  known ??= find(directory, limits)
  return known
}

async function find(directory: string, limits: Parameters<typeof introductions>[1]): Promise<Subject[]> {
  const files = existsSync(directory) ? readdirSync(directory).filter(name => name.endsWith(".mjs")) : []
  const urls = files.sort().map(name => pathToFileURL(path.join(directory, name)).href)
  const said = await introductions(urls, limits)
  const ours: Subject[] = [
    {
      name: OURS,
      kind: "wire",
      tls: true,
      how: "one leased runner, defaults: TLS 1.3 with a pre-shared key over WebSockets",
    },
    { name: OURS_PLAIN, kind: "wire", tls: false, how: "the same with `tls: false`: plain WebSockets" },
  ]
  // Those with an introduction first: one that has none is to take nobody's name.
  const taken = new Set([OURS, OURS_PLAIN])
  const inOrder = [...urls].sort((a, b) => Number("error" in said.get(a)!) - Number("error" in said.get(b)!))
  const peers = inOrder.map(url => {
    const peer = peerOf(url, said.get(url)!, taken)
    taken.add(peer.name)
    return peer
  })
  const place = ({ name }: Subject) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return [...ours, ...peers].sort((a, b) => place(a) - place(b))
}

function peerOf(url: string, said: Introduced, taken: ReadonlySet<string>): Subject {
  const file = fileURLToPath(url)
  const bad = (why: string): Subject => {
    const short = path.basename(file, ".mjs")
    const name = taken.has(short) ? path.basename(file) : short
    return { name, kind: "wire", how: "", file: url, missing: `${path.basename(file)} cannot be loaded: ${why}` }
  }
  if ("error" in said) return bad(said.error)
  const { name, kind, how, needs = [] } = said.about
  if (taken.has(name)) return bad(`there is another with the name ${name}`)
  const lacking = needs.filter(need => !hasPackage(need, file) && !hasCommand(need, file))
  const missing = lacking.length > 0 ? `not installed: ${lacking.join(", ")}${hint(lacking, file)}` : said.missing
  return { name, kind, how, file: url, ...(missing === undefined ? {} : { missing }) }
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
