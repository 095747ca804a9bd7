/** Why a peer cannot be had here: packages that are not installed, commands that are not there. Starts nothing that stays. */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const HERE = dirname(fileURLToPath(import.meta.url))
const run = promisify(execFile)

/**
 * For a peer of npm packages. Looks for their folders and imports nothing: a package may start threads when it is imported.
 * @returns a `missing` as in `Peer`
 */
export const packages = names => async () => {
  const absent = names.filter(name => !installed(name))
  if (absent.length === 0) return undefined
  return `not installed: ${absent.join(", ")} (\`npm ci --omit=peer --ignore-scripts\` in bench/peers)`
}

function installed(name) {
  for (let folder = HERE; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "node_modules", name, "package.json"))) return true
    if (folder === dirname(folder)) return false
  }
}

/**
 * Runs a command that ends by itself.
 * @returns what it wrote, or `undefined` and the reason when it is not there or failed
 */
export async function tryCommand(command, args) {
  try {
    const { stdout } = await run(command, args, { timeout: 30_000 })
    return { output: stdout.trim() }
  } catch (error) {
    if (error.code === "ENOENT") return { reason: `no command \`${command}\` on this machine` }
    const said = String(error.stderr ?? "").trim()
    return { reason: said.split("\n").at(-1) || error.message }
  }
}
