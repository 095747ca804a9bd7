/**
 * `npm run fuzz -- [--inputs 1000000] [--seed N] [--only frame,codec,handshake,session] [--at INDEX]`: inputs of a hostile peer
 * by the million. Says inputs per second, what became of them and the slowest one, and how to run again what failed. The
 * TypeScript is bundled first, since Node 20 runs none.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const at = path => fileURLToPath(new URL(path, import.meta.url))
const out = at("../.cache/fuzz/main.mjs")
mkdirSync(at("../.cache/fuzz/"), { recursive: true })
await build({
  entryPoints: [at("../test/fuzz/main.ts")],
  outfile: out,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  sourcemap: "inline",
  logLevel: "error",
})
const { status } = spawnSync(process.execPath, ["--enable-source-maps", out, ...process.argv.slice(2)], {
  stdio: "inherit",
})
process.exitCode = status ?? 1
