/**
 * Where slurm-flame keeps what outlives one program: logs of jobs, records of runs. Owns the directory's place, and what makes one
 * under it private; knows nothing of what lies there.
 */
import { lstat, mkdir } from "node:fs/promises"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

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
 * @throws Error when it cannot be made, or somebody else's is there or may be written by others: what they put there would be believed.
 */
export async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { uid, mode } = await lstat(directory)
  if (uid !== process.getuid?.()) throw new Error(`${directory} belongs to another user (uid ${uid})`)
  if ((mode & 0o022) !== 0) {
    throw new Error(`${directory} may be written by others (mode ${(mode & 0o777).toString(8)}): chmod 700 it`)
  }
}
