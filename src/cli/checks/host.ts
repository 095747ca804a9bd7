/** What this host gives a process: directories to write to, open files, a clock. Leaves nothing behind. */
import { constants } from "node:fs"
import { access, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { bundleRoot } from "../../parent/bundle-dir.ts"
import { TmpDir } from "../../runner/tmp-dir.ts"
import { logDirectory } from "../../slurm/log-file.ts"
import type { Check, Finding } from "../check.ts"

/** The home, and in it the bundles of TypeScript modules and the jobs' logs. `slurmIsHere`: jobs need all three. */
export function homeChecks(slurmIsHere: boolean, env: NodeJS.ProcessEnv = process.env): Check[] {
  return [
    { name: "home", required: slurmIsHere, run: () => lookAt(homedir(), "HOME") },
    { name: "cache", required: slurmIsHere, run: () => lookAt(bundleRoot(env), "XDG_CACHE_HOME") },
    { name: "job logs", required: slurmIsHere, run: () => lookAt(logDirectory(env), "XDG_STATE_HOME") },
  ]
}

/** Can `directory` be written to, or made? Others must not write there, so the mode is looked at as well. */
async function lookAt(directory: string, variable: string): Promise<Finding> {
  const nearest = await nearestExisting(directory)
  try {
    await access(nearest, constants.W_OK | constants.X_OK)
    if (nearest === directory) await tryWriting(directory)
  } catch (error) {
    return {
      ok: false,
      fact: `${nearest} cannot be written to: ${(error as Error).message}`,
      advice: `set ${variable} to a directory of yours that all nodes share`,
    }
  }
  if (nearest !== directory) return { ok: true, fact: `${directory} will be made when it is needed` }
  const { mode } = await stat(directory)
  const octal = (mode & 0o777).toString(8).padStart(4, "0")
  if ((mode & 0o022) === 0) return { ok: true, fact: `${directory} (mode ${octal})` }
  return {
    ok: false,
    fact: `${directory} can be written to by others (mode ${octal})`,
    advice: `others could put code into your jobs: chmod go-w ${directory}`,
  }
}

async function nearestExisting(directory: string): Promise<string> {
  try {
    await stat(directory)
    return directory
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if ((code === "ENOENT" || code === "ENOTDIR") && dirname(directory) !== directory) {
      return await nearestExisting(dirname(directory))
    }
    throw error
  }
}

/** What access(2) says of a file system may not be so: a full quota, a read-only mount, root squashed by NFS. */
async function tryWriting(directory: string): Promise<void> {
  const made = await mkdtemp(join(directory, ".slurm-flame-doctor-"))
  await writeFile(join(made, "file"), "doctor").finally(() => rm(made, { recursive: true, force: true }))
}

/** Can a runner make its private directory? The runner's own code tries it. */
export function tempCheck(): Check {
  return {
    name: "temp directory",
    required: true,
    run() {
      const made = new TmpDir("doctor")
      made.remove()
      return { ok: true, fact: `${tmpdir()}${process.env.TMPDIR ? " (from TMPDIR)" : ""}` }
    },
  }
}

/** Below this, a pool of some hundred runners runs out: each has two sockets here. */
const FEW_FILES = 1_024

/** How many files (sockets are files) this process may have open. @param limits Text of /proc/self/limits. */
export function openFilesCheck(limits: () => Promise<string> = () => readFile("/proc/self/limits", "utf8")): Check {
  return {
    name: "open files",
    required: false,
    async run() {
      if (process.platform !== "linux") return { ok: true, fact: `the limit is not known on ${process.platform}` }
      const limit = /^Max open files\s+(\S+)/m.exec(await limits())?.[1]
      if (limit === "unlimited") return { ok: true, fact: "unlimited" }
      const runners = Math.floor((Number(limit) - 64) / 2)
      const fact = `${limit}: enough for about ${runners} runners, at two sockets each`
      if (Number(limit) >= FEW_FILES) return { ok: true, fact }
      return { ok: false, fact, advice: "raise it before a large pool: ulimit -n 4096" }
    },
  }
}

/** More than this, and a walltime's end is misjudged noticeably. */
const MUCH_SKEW_MS = 2_000

/** A sentence on two clocks; `theirs` minus `ours` in ms. */
export function skewFinding(whose: string, skewMs: number): Finding {
  const size = Math.abs(skewMs)
  if (size < 20) return { ok: true, fact: `agrees with that of ${whose}`, ms: size }
  const fact = `${whose} is ${Math.round(size)} ms ${skewMs > 0 ? "ahead of" : "behind"} this host`
  if (size < MUCH_SKEW_MS) return { ok: true, fact, ms: size }
  return {
    ok: false,
    fact,
    advice: "the end of a walltime would be misjudged by as much: have the clocks set by NTP (`timedatectl`)",
    ms: size,
  }
}

/** Compares our clock with that of the home's file server, which the nodes see as well. */
export function clockCheck(): Check {
  return {
    name: "clock",
    required: false,
    async run() {
      let made: string | undefined
      try {
        made = await mkdtemp(join(homedir(), ".slurm-flame-doctor-"))
        const before = Date.now()
        await writeFile(join(made, "file"), "")
        const after = Date.now()
        const { mtimeMs } = await stat(join(made, "file"))
        // Within the call nothing can be told; file times come from a clock that ticks a few times per 10 ms.
        const skew = mtimeMs > after ? mtimeMs - after : mtimeMs < before ? mtimeMs - before : 0
        return skewFinding("the home's file system", skew)
      } catch (error) {
        const now = new Date().toISOString()
        return { ok: true, fact: `${now}, compared with no other: ${(error as Error).message}` }
      } finally {
        if (made !== undefined) await rm(made, { recursive: true, force: true })
      }
    },
  }
}
