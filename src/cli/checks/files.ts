/**
 * The files a runner starts from: are they built, would a node see them too, can TypeScript be made runnable? Knows file
 * systems by their type; what is really shared, only a job can tell.
 */
import { existsSync, realpathSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { sep } from "node:path"
import { fileURLToPath } from "node:url"
import type { Check, Finding } from "../check.ts"

/** The same whether this runs from src/cli/checks or from dist/cli/checks. */
const DIST = new URL("../../../dist/", import.meta.url)

/** URL of the module that the doctor runs on runners. */
export const PROBE = new URL("cli/probe.js", DIST)

const PROGRAMS = ["bin/supervisor.js", "bin/worker.js", "cli/probe.js"]

/** Are the programs that run in a job there? @param dist Default: this package's own. */
export function programsCheck(dist: URL = DIST): Check {
  return {
    name: "programs",
    required: true,
    run() {
      const missing = PROGRAMS.filter(name => !existsSync(new URL(name, dist)))
      if (missing.length === 0) return { ok: true, fact: `the runner's programs are in ${fileURLToPath(dist)}` }
      return {
        ok: false,
        fact: `missing in ${fileURLToPath(dist)}: ${missing.join(", ")}`,
        advice: "in a checkout: `npm run build`; in a project: install slurm-flame again",
      }
    },
  }
}

/** Directories that every host has for itself. */
const LOCAL_ROOTS = ["/tmp", "/var/tmp", "/dev/shm", "/run"]

/** Type numbers of statfs(2): what is shared by its nature, and what dies with the host. */
const FILE_SYSTEMS = new Map<number, { name: string; kind: "shared" | "local" }>([
  [0x6969, { name: "NFS", kind: "shared" }],
  [0x0bd00bd0, { name: "Lustre", kind: "shared" }],
  [0x47504653, { name: "GPFS", kind: "shared" }],
  [0x19830326, { name: "BeeGFS", kind: "shared" }],
  [0x00c36400, { name: "Ceph", kind: "shared" }],
  [0x5346414f, { name: "AFS", kind: "shared" }],
  [0x01021994, { name: "tmpfs", kind: "local" }],
])

/** Would the nodes of a cluster see node and this package at the same paths? @param files Default: those two. */
export function sharedFilesCheck(
  files: Readonly<Record<string, string>> = { node: process.execPath, "slurm-flame": fileURLToPath(DIST) },
): Check {
  return {
    name: "shared files",
    required: false,
    run(): Finding {
      const seen = Object.entries(files).map(([what, path]) => ({ what, path, ...judge(path) }))
      const local = seen.filter(({ kind }) => kind === "local")
      if (local.length > 0) {
        return {
          ok: false,
          fact: local.map(({ what, path, why }) => `${what} is in ${path}: ${why}`).join("; "),
          advice: "jobs start both by their paths: install them where the nodes see them too, in your home for example",
        }
      }
      const unsure = seen.filter(({ kind }) => kind === "unsure").map(({ what }) => what)
      const shared = seen.filter(({ kind }) => kind === "shared").map(({ what, why }) => `${what} is on ${why}`)
      if (unsure.length > 0) shared.push(`nodes must have ${unsure.join(" and ")} at the same path (--submit tries it)`)
      return { ok: true, fact: shared.join("; ") }
    },
  }
}

function judge(path: string): { kind: "shared" | "local" | "unsure"; why: string } {
  const roots = [...LOCAL_ROOTS, tmpdir()]
  const root = roots.find(root => `${path}${sep}`.startsWith(`${root}${sep}`))
  if (root !== undefined) return { kind: "local", why: `each host has a ${root} of its own` }
  const known = FILE_SYSTEMS.get(statfsSync(realpathSync(path)).type)
  if (known === undefined) return { kind: "unsure", why: "" }
  return { kind: known.kind, why: known.kind === "local" ? `a ${known.name}, which is this host's own` : known.name }
}

/** Can TypeScript modules be bundled? esbuild is a program of its own, and may be there for another platform. */
export function esbuildCheck(): Check {
  return {
    name: "esbuild",
    required: false,
    async run() {
      try {
        const esbuild = await import("esbuild")
        await esbuild.transform("export const answer: number = 42", { loader: "ts" })
        await esbuild.stop()
        return { ok: true, fact: `${esbuild.version}: modules may be TypeScript` }
      } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND"
        return {
          ok: false,
          fact: missing ? "not installed: modules must be JavaScript" : `does not run: ${(error as Error).message}`,
          advice: "npm install esbuild, if your modules are TypeScript",
        }
      }
    },
  }
}
