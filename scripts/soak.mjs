/**
 * `npm run soak -- [--minutes 20] [--seed N] [--only simulated,local]`: random sequences on pools, over simulated runners and over
 * real ones of this machine, against a model; fresh seeds for that long. Ends with one line of totals; a failure says its seed and
 * the smallest sequence. The TypeScript is bundled first, since Node 20 runs none.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "esbuild"

const at = path => fileURLToPath(new URL(path, import.meta.url))
const out = at("../.cache/soak/main.mjs")
mkdirSync(at("../.cache/soak/"), { recursive: true })
// Real runners are programs of the package as it is built, and so is the pool that starts them.
const built = pathToFileURL(at("../dist/index.js")).href
const asBuilt = {
  name: "as-built",
  setup: ({ onResolve }) => onResolve({ filter: /\/src\/index\.ts$/ }, () => ({ path: built, external: true })),
}
await build({
  entryPoints: [at("../test/property/main.ts")],
  outfile: out,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  plugins: [asBuilt],
  sourcemap: "inline",
  logLevel: "error",
})
const { status } = spawnSync(process.execPath, ["--enable-source-maps", out, ...process.argv.slice(2)], {
  stdio: "inherit",
})
process.exitCode = status ?? 1
