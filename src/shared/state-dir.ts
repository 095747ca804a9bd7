/**
 * Where slurm-flame keeps what outlives one program: logs of jobs, records of runs. Owns the directory's place, and what makes one
 * under it private; knows nothing of what lies there.
 */
import { lstatSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { StateError } from "./errors.ts"

/**
 * `$XDG_STATE_HOME/slurm-flame`, or `~/.local/state/slurm-flame`. A home directory is shared by all nodes and login nodes on nearly
 * every cluster.
 */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  // The specification of XDG_STATE_HOME says to ignore a relative path.
  const state = env.XDG_STATE_HOME
  return join(state && isAbsolute(state) ? state : join(homedir(), ".local", "state"), "slurm-flame")
}

/**
 * Makes `directory` where it is missing, for this user alone.
 * @throws StateError when somebody else's is there or may be written by others; what the file system says
 */
export async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  checkPrivate(directory)
}

/**
 * That `path` is this user's, and that nobody else may write there: what they put there would be believed.
 * @param secret Nor may they read it, for this reason.
 * @throws StateError when it is not so; what the file system says
 */
export function checkPrivate(path: string, secret?: string): void {
  checkOwn(path, lstatSync(path), secret)
}

/** The same of what is known of it already. @throws StateError */
export function checkOwn(path: string, { uid, mode }: { uid: number; mode: number }, secret?: string): void {
  const why = secret ?? "what others put there would be believed"
  if (uid !== process.getuid?.()) throw new StateError(`${path} belongs to another user (uid ${uid})`, { hint: why })
  const [forbidden, verb] = secret === undefined ? [0o022, "written"] : [0o077, "read or written"]
  if ((mode & forbidden) === 0) return
  throw new StateError(`${path} may be ${verb} by others (mode ${(mode & 0o777).toString(8)})`, {
    hint: `${why}. If nobody has meddled with it: chmod go= ${path}`,
  })
}
