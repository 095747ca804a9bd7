/**
 * Runs `main.ts` on a Node that cannot run TypeScript by itself: compiles it to a file under `.cache` of the project and imports
 * that. Owns nothing else; all arguments are main's.
 */
import { mkdir, rm } from "node:fs/promises"
import { fileURLToPath, pathToFileURL } from "node:url"

const source = new URL("./main.ts", import.meta.url)
// Inside the project, so that packages are found from there as they are from here, `slurm-flame` itself included.
const folder = new URL("../../.cache/", import.meta.url)
// With the process id: two trainings at once must not overwrite each other's file.
const compiled = fileURLToPath(new URL(`long-train-example-${process.pid}.mjs`, folder))

const { build } = await import("esbuild").catch(cause => {
  throw new Error("the example needs esbuild to compile its TypeScript: run `npm install` without --omit=optional", {
    cause,
  })
})
await mkdir(folder, { recursive: true })
try {
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: compiled,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "warning",
    // The files beside main.ts are looked up from where it lies, not from where its compiled form does.
    define: { "import.meta.url": JSON.stringify(source.href) },
  })
  process.setSourceMapsEnabled(true)
  await import(pathToFileURL(compiled).href)
} finally {
  await rm(compiled, { force: true })
}
