/**
 * The shape of `src/`: who may import whom, and the house rules for a file. `violations` is a function of the sources
 * alone, so that the test can also try it on made-up ones.
 */
import path from "node:path"
import { type Import, readSource, type SourceFacts } from "./source.ts"

/** Folder of src -> the folders it may import from (besides itself). `.` is src/index.ts, where the folders are joined. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  transport: ["shared"],
  slurm: ["shared"],
  local: ["shared"],
  parent: ["transport", "shared"],
  runner: ["transport", "shared"],
  ".": ["parent", "runner", "transport", "slurm", "local", "shared"],
  cli: [".", "parent", "runner", "transport", "slurm", "local", "shared"],
}

/** Packages that only some places may know: a folder, or one file. */
const CONFINED: Readonly<Record<string, readonly string[]>> = {
  comlink: ["transport/", "runner/", "index.ts"],
  commander: ["cli/"],
}

/** The longest a file may be. */
const MAX_LINES = 350

/**
 * What is wrong with the given sources, one sentence each; empty when all is well.
 * @param sources path under src (`parent/pool.ts`) -> text
 * @param packages the packages that package.json declares for run time
 */
export function violations(sources: ReadonlyMap<string, string>, packages: ReadonlySet<string>): string[] {
  const facts = new Map([...sources].map(([file, text]) => [file, readSource(file, text)]))
  const graph = (imports: (fact: SourceFacts) => readonly Import[]) =>
    new Map([...facts].map(([file, fact]) => [file, relativeImports(file, imports(fact))]))
  return [
    ...[...facts].flatMap(([file, fact]) => [...house(file, fact), ...packageUse(file, fact, packages)]),
    ...[...graph(fact => fact.imports)].flatMap(([file, targets]) =>
      targets.flatMap(target => arrow(file, target, sources)),
    ),
    // A type is gone at run time and cannot be met half loaded, so two files of a folder may know each other's types.
    ...cycles(graph(fact => fact.imports.filter(({ typeOnly }) => !typeOnly))),
  ]
}

function folderOf(file: string): string {
  return path.posix.dirname(file).split("/")[0]!
}

function relativeImports(file: string, imports: readonly Import[]): string[] {
  return imports
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier }) => path.posix.join(path.posix.dirname(file), specifier))
}

function house(file: string, { lines, hasHeader, consoleLogs }: SourceFacts): string[] {
  const found: string[] = []
  if (lines > MAX_LINES) found.push(`${file} has ${lines} lines; the limit is ${MAX_LINES}: split it by noun`)
  if (!hasHeader) found.push(`${file} does not start with a comment that says what it owns`)
  if (folderOf(file) !== "cli") {
    for (const line of consoleLogs) found.push(`${file}:${line} uses console.log: only cli/ writes to the terminal`)
  }
  return found
}

function packageUse(file: string, { imports }: SourceFacts, declared: ReadonlySet<string>): string[] {
  return imports.flatMap(({ specifier }) => {
    if (specifier.startsWith(".") || specifier.startsWith("node:")) return []
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/")
    if (!declared.has(name)) return [`${file} imports ${name}, which package.json does not declare for run time`]
    const places = CONFINED[name]
    if (!places || places.some(place => (place.endsWith("/") ? file.startsWith(place) : file === place))) return []
    return [`${file} imports ${name}: only ${places.join(", ")} may`]
  })
}

function arrow(file: string, target: string, sources: ReadonlyMap<string, string>): string[] {
  if (target.startsWith("..")) return [`${file} imports ${target}, outside of src`]
  if (!sources.has(target)) return [`${file} imports ${target}, which does not exist`]
  const [from, to] = [folderOf(file), folderOf(target)]
  const allowed = ARROWS[from]
  if (!allowed || (from === "." && file !== "index.ts")) {
    return [`${file} joins folders: only src/index.ts may lie outside of ${Object.keys(ARROWS).join(", ")}`]
  }
  if (from === to || allowed.includes(to)) return []
  return [`${file} imports ${target}: ${from} may import ${allowed.join(", ") || "nothing of ours"}`]
}

/** Each cycle once, as `a -> b -> a`. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file)
    if (start !== -1) found.push(`cycle: ${[...trail.slice(start), file].join(" -> ")}`)
    if (start !== -1 || done.has(file)) return
    for (const target of graph.get(file) ?? []) walk(target, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) walk(file, [])
  return found
}
