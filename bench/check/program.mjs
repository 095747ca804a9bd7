/** Benchmarks that are programs of their own, run for their figures. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const CACHE = fileURLToPath(new URL("../../.cache/bench/", import.meta.url))

/** The TypeScript program at `url` as one file that every Node runs. @returns its path */
export async function bundle(name, url) {
  mkdirSync(CACHE, { recursive: true })
  const outfile = join(CACHE, `check-${name}.mjs`)
  await build({
    entryPoints: [fileURLToPath(url)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  })
  return outfile
}

/**
 * Runs a benchmark with `--json` and gives what it wrote there. What it prints is for people who run it themselves, and left out.
 * @throws Error when it ends with anything but 0
 */
export async function report(file, args, nodeArgs = []) {
  const scratch = mkdtempSync(join(tmpdir(), "slurm-flame-check-"))
  try {
    const json = join(scratch, "report.json")
    const child = spawn(process.execPath, [...nodeArgs, file, ...args, "--json", json], {
      stdio: ["ignore", "ignore", "inherit"],
    })
    const [code, signal] = await once(child, "exit")
    if (code !== 0) throw new Error(`${file} ended (${signal ?? `code ${code}`}): see above`)
    return JSON.parse(readFileSync(json, "utf8"))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
