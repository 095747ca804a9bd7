/**
 * `npm run bench -- [argument ...]`: the suite, as `slurm-flame bench` runs it. `npm run bench -- name ... [argument ...]`: the benchmarks of
 * that name, which are for those who work on slurm-flame. Arguments (from the first one that begins with "-" or is a number) go to the
 * benchmark. TypeScript ones are bundled first, since Node 20 runs none.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const BENCHES = {
  "cold-start": "cold-start.mjs",
  calls: "calls.mjs",
  codec: "codec.ts",
  pool: "pool.ts",
  idle: "idle.mjs",
  politeness: "politeness.mjs",
  stream: "stream.mjs",
  transport: "transport/main.mjs",
}

/** What node itself needs. */
const NODE_ARGS = { pool: ["--expose-gc"] }

const words = process.argv.slice(2)
const end = words.findIndex(word => /^(-|\d+$)/.test(word))
const wanted = end === -1 ? words : words.slice(0, end)
const args = end === -1 ? [] : words.slice(end)
const unknown = wanted.filter(name => !(name in BENCHES))
if (unknown.length > 0) {
  console.error(
    `no benchmark ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}; without a name: the suite`,
  )
  process.exit(2)
}
if (wanted.length === 0) {
  const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url))
  // Ctrl-C reaches the suite by itself: this waits until it has ended what it started.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined)
  const { status } = spawnSync(process.execPath, [cli, "bench", ...args], { stdio: "inherit" })
  process.exit(status ?? 1)
}
if (args.length > 0 && wanted.length !== 1) {
  console.error(`${args.join(" ")}: arguments are a benchmark's own, so name the one that they are for`)
  process.exit(2)
}
for (const name of wanted) {
  let file = fileURLToPath(new URL(BENCHES[name], import.meta.url))
  if (file.endsWith(".ts")) {
    const out = fileURLToPath(new URL(`../.cache/bench/${name}.mjs`, import.meta.url))
    mkdirSync(fileURLToPath(new URL("../.cache/bench/", import.meta.url)), { recursive: true })
    await build({
      entryPoints: [file],
      outfile: out,
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      logLevel: "error",
    })
    file = out
  }
  console.log(`── ${name} ──`)
  const { status } = spawnSync(process.execPath, [...(NODE_ARGS[name] ?? []), file, ...args], { stdio: "inherit" })
  if (status !== 0) process.exitCode = 1
}
