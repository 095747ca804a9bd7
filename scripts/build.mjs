/**
 * Builds `dist/`: the library with its declarations (plain tsc), and the two programs of a runner, each bundled into few
 * files, because opening hundreds of small ones is what makes a cold start slow, most of all on a shared file system.
 */
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { ROOT, runAsProgram, SetupError } from "./ensure.mjs"

/**
 * The programs that run inside a job, and the one that plays many of them for the benchmark suite: made of the runner's own classes, so
 * that a parent cannot tell. `split`: it loads its bulk later, by `import()`, from a second file.
 */
const PROGRAMS = [
  { name: "supervisor", entry: "src/runner/supervisor/main.ts", split: true },
  { name: "worker", entry: "src/runner/worker/main.ts", split: false },
  { name: "crowd", entry: "bench/idle/crowd.ts", split: false, folder: "bench" },
]

/** Left as imports: native addons that ws can do without, and what only some modules need. */
const EXTERNAL = ["bufferutil", "utf-8-validate", "esbuild"]

// ws is CommonJS and requires node's own modules; an ES module has no `require` for it unless it makes one.
const BANNER =
  'import { createRequire as __createRequire } from "node:module";const require = __createRequire(import.meta.url);'

const require = createRequire(import.meta.url)

await runAsProgram(async () => {
  const at = file => path.join(ROOT, file)
  const lost = PROGRAMS.filter(({ entry }) => !existsSync(at(entry)))
  if (lost.length > 0) {
    throw new SetupError(`no ${lost.map(({ entry }) => entry).join(", no ")}: correct PROGRAMS in scripts/build.mjs`)
  }
  // Built beside the old one and put in its place at the end: runners may be starting from it at this moment.
  const next = at("dist.next")
  rmSync(next, { recursive: true, force: true })

  // The benchmark suite is a user of the library: it is compiled against the declarations of the one just made.
  for (const [config, out] of [
    ["tsconfig.build.json", next],
    ["tsconfig.bench.json", `${next}/bench`],
  ]) {
    const tscArgs = [require.resolve("typescript/bin/tsc"), "-p", at(config), "--outDir", out]
    const tsc = spawnSync(process.execPath, tscArgs, { stdio: "inherit" })
    if (tsc.status !== 0) throw new SetupError("tsc found errors: see above.")
  }

  const { build } = await import("esbuild").catch(cause => {
    throw new SetupError(
      `esbuild cannot be loaded, and the runner's programs are bundled with it: ${cause.message}\n` +
        "  It is an optional dependency: `npm ci --include=optional` installs it.",
    )
  })
  for (const { name, entry, split, folder = "bin" } of PROGRAMS) {
    await build({
      absWorkingDir: ROOT,
      entryPoints: { [name]: entry },
      outdir: `dist.next/${folder}`,
      bundle: true,
      splitting: split,
      chunkNames: `${name}-[hash]`,
      platform: "node",
      format: "esm",
      target: "node20",
      // Names stay, for stacks and for error classes; only the white space goes.
      minifyWhitespace: true,
      sourcemap: "linked",
      legalComments: "eof",
      banner: { js: BANNER },
      external: EXTERNAL,
      logLevel: "warning",
    })
  }
  const cli = `${next}/cli/main.js`
  if (existsSync(cli)) chmodSync(cli, 0o755)
  const old = at("dist.old")
  rmSync(old, { recursive: true, force: true })
  if (existsSync(at("dist"))) renameSync(at("dist"), old)
  renameSync(next, at("dist"))
  rmSync(old, { recursive: true, force: true })
})
