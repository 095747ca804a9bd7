/** What package.json says that the command repeats. Owns the path to it; knows no command. */
import { readFileSync } from "node:fs"

interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
}

// Two levels up both from src/cli and from dist/cli.
const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Manifest

/** Version of slurm-flame. */
export const VERSION: string = manifest.version

/** The oldest Node it runs on, as `[major, minor]`. */
export const OLDEST_NODE = manifest.engines.node.replace(/^>=/, "").split(".").map(Number) as [number, number]
