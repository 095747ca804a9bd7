/**
 * The private directory a bundle lies in. Owns its name, its removal (also when the process just exits) and the search for
 * those that crashed parents of this host left behind. Knows nothing of bundling.
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { homedir, hostname } from "node:os"
import { isAbsolute, join } from "node:path"
import { onExit } from "signal-exit"

/** One directory, made for this process. */
export class BundleDir {
  readonly path: string
  readonly #forgetExit: () => void

  /** Makes `bundle-<host>-<pid>-XXXXXX` with mode 0700, after a sweep. @throws what the file system says */
  constructor(root = bundleRoot()) {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    sweep(root)
    this.path = mkdtempSync(join(root, `bundle-${hostname()}-${process.pid}-`))
    this.#forgetExit = onExit(() => this.#delete())
  }

  /** Deletes it with all that is in it. Calling it twice is harmless. */
  remove(): void {
    this.#forgetExit()
    this.#delete()
  }

  #delete(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** In the home directory, which nodes share; a node's /tmp is its own. */
export function bundleRoot(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.XDG_CACHE_HOME ?? ""
  return join(isAbsolute(cache) ? cache : join(homedir(), ".cache"), "slurm-flame")
}

/**
 * Deletes what parents of this host left in `root` when they were killed: directories of exactly our name, of this user,
 * whose process is gone. Those of other hosts are theirs to judge, for a pid means nothing elsewhere.
 */
export function sweep(root: string): void {
  const prefix = `bundle-${hostname()}-`
  for (const name of readdirSync(root)) {
    const [, pid] = (name.startsWith(prefix) && /^(\d+)-[A-Za-z0-9]{6}$/.exec(name.slice(prefix.length))) || []
    if (pid === undefined || isAlive(Number(pid))) continue
    const path = join(root, name)
    try {
      const found = lstatSync(path, { throwIfNoEntry: false }) // another parent may sweep at the same time
      if (found?.isDirectory() && found.uid === process.getuid?.()) rmSync(path, { recursive: true, force: true })
    } catch (error) {
      // The file system holds on to it (a file still open over NFS, say): nothing this pool needs depends on it.
      process.emitWarning(`${path} is left over and cannot be deleted: ${(error as Error).message}`)
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH" // EPERM: somebody else's, and alive
  }
}
