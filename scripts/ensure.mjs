/**
 * Makes a checkout ready to use: the right Node, the packages of the lock file, an up-to-date `dist/`. Says what it does,
 * and nothing when there is nothing to do. Uses Node alone, in a syntax that an old Node reads far enough to be told so.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")

const at = (...parts) => path.join(ROOT, ...parts)
const readJson = file => JSON.parse(readFileSync(file, "utf8"))

/** A failure whose message is all that the user needs: it is printed without a stack. */
export class SetupError extends Error {}

/** Where each step notes what it was done for. Both go when what they speak of is deleted. */
const STAMPS = { packages: at("node_modules/.slurm-flame-ensure"), build: at("dist/.ensure") }

/**
 * Brings the checkout up to date.
 * @throws SetupError with what to do, when that is not possible
 */
export async function ensure() {
  checkNode()
  installPackages()
  await build()
}

function checkNode() {
  const wanted = readJson(at("package.json")).engines.node
  const [major, minor] = wanted.replace(/^>=/, "").split(".").map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number)
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return
  throw new SetupError(
    `slurm-flame needs Node ${wanted}, and this is ${process.version} (${process.execPath}).\n` +
      "  Install a newer one (https://nodejs.org, `nvm install 22`, or `module load nodejs` on many clusters) and run this again.",
  )
}

function installPackages() {
  const lock = readFileSync(at("package-lock.json"), "utf8")
  const major = process.versions.node.split(".")[0]
  const stamp = `${hash([lock])} node${major} ${process.platform}-${process.arch}`
  const missing = !existsSync(at("node_modules"))
  if (readIfThere(STAMPS.packages) === stamp) return
  if (!missing && !existsSync(STAMPS.packages) && installedByHand(JSON.parse(lock))) {
    writeFileSync(STAMPS.packages, stamp)
    return
  }
  say(
    `installing packages (${missing ? "there is no node_modules" : "node_modules does not match package-lock.json and this Node"})`,
  )
  // No scripts: what our packages need is in them (npm 11 would only warn), and our own `prepare` is what follows anyway.
  // Node's own npm when npm started this, or else the one on PATH.
  const own = process.env.npm_execpath
  const [command, ...args] = own?.endsWith(".js") ? [process.execPath, own] : ["npm"]
  const npm = spawnSync(command, [...args, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: ROOT,
    stdio: ["ignore", process.stderr, process.stderr],
    shell: process.platform === "win32",
  })
  if (npm.error?.code === "ENOENT") throw new SetupError("npm is not on PATH; it comes with Node.")
  if (npm.status !== 0) {
    throw new SetupError(
      "the packages could not be installed: npm says why above.\n" +
        "  Without a network: run `npm ci` once where there is one and copy node_modules here.\n" +
        "  Behind a mirror or a proxy: `npm config set registry URL`, `npm config set proxy URL`.",
    )
  }
  writeFileSync(STAMPS.packages, stamp)
}

/** True when npm's own record of node_modules says that it holds just what the lock file asks for on this machine. */
function installedByHand(lock) {
  const record = at("node_modules/.package-lock.json")
  if (!existsSync(record)) return false
  const found = readJson(record).packages
  const here = { os: process.platform, cpu: process.arch }
  const wanted = Object.entries(lock.packages).filter(([name]) => name !== "")
  // What is optional npm may leave out, for reasons of its own.
  const fits = ([, entry]) =>
    !entry.optional &&
    !entry.libc &&
    Object.entries(here).every(([key, value]) => !entry[key] || entry[key].includes(value))
  return (
    wanted.filter(fits).every(([name, entry]) => found[name]?.version === entry.version) &&
    Object.entries(found).every(([name, entry]) => lock.packages[name]?.version === entry.version)
  )
}

async function build() {
  const inputs = [
    ...filesUnder("src"),
    ...filesUnder("bench/suite"),
    "tsconfig.json",
    "tsconfig.build.json",
    "tsconfig.bench.json",
    "package.json",
    "package-lock.json",
    "scripts/build.mjs",
  ]
  const stamp = hash(inputs.flatMap(file => [file, readFileSync(at(file))]))
  const before = readIfThere(STAMPS.build)
  if (before === stamp) return
  say(`building dist/ (${before === undefined ? "there is none" : "the sources have changed"})`)
  // Run on its own, so that it may import packages that were not there when this program started.
  const { status } = spawnSync(process.execPath, [at("scripts/build.mjs")], {
    cwd: ROOT,
    stdio: ["ignore", process.stderr, process.stderr],
  })
  if (status !== 0) throw new SetupError("the build failed: see above.")
  mkdirSync(path.dirname(STAMPS.build), { recursive: true })
  writeFileSync(STAMPS.build, stamp)
}

function filesUnder(folder) {
  return readdirSync(at(folder), { withFileTypes: true })
    .flatMap(entry => (entry.isDirectory() ? filesUnder(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]))
    .sort()
}

function hash(parts) {
  const sum = createHash("sha256")
  for (const part of parts) sum.update(part).update("\0")
  return sum.digest("hex")
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined
}

function say(text) {
  process.stderr.write(`ensure: ${text}\n`)
}

/** Runs `main`; a SetupError is shown as its message alone, and any failure ends the process with 1. */
export async function runAsProgram(main) {
  try {
    await main()
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? `error: ${error.message}` : error.stack}\n`)
    process.exitCode = 1
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await runAsProgram(ensure)
