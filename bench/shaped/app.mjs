/** slurm-flame as the cluster's user has it: in the home that the nodes share. Owns what is copied where; knows nothing of Slurm. */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"

export const USER = "flame"
const APP = "/home/flame/bench-shaped"
const JOB = `#!/bin/bash
#SBATCH --time=00:30:00
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`

/**
 * Installs it afresh.
 * @param {string} root of the repository, with dist/ built
 * @returns {{ app: string, cli: string, job: string, node: string }} the directory, the command, a job script, and a node that the user may run
 */
export function installApp(root) {
  if (!existsSync(path.join(root, "dist/bench"))) throw new Error("there is no dist/bench: npm run build")
  rmSync(APP, { recursive: true, force: true })
  const installed = path.join(APP, "node_modules/slurm-flame")
  mkdirSync(installed, { recursive: true })
  for (const name of ["package.json", "dist", "bench/peers"]) {
    cpSync(path.join(root, name), path.join(installed, name), { recursive: true, dereference: true })
  }
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"))
  for (const [name, { dev }] of Object.entries(lock.packages)) {
    if (name === "" || dev === true || !existsSync(path.join(root, name))) continue
    cpSync(path.join(root, name), path.join(APP, name), { recursive: true, dereference: true })
  }
  const job = path.join(APP, "job.sh")
  writeFileSync(job, JOB)
  const node = usableNode()
  const { status, stderr } = spawnSync("chown", ["-R", `${USER}:${USER}`, APP], { encoding: "utf8" })
  if (status !== 0) throw new Error(`chown ${APP}: ${stderr}`)
  return { app: APP, cli: path.join(installed, "dist/cli/main.js"), job, node }
}

/** The words before a command so that it runs as the user. */
export const asUser = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--"]

/** This one, or a copy of it where it lies in a directory that is closed to others. */
function usableNode() {
  const [file, ...args] = [...asUser, "sh", "-c", '"$0" --version', process.execPath]
  if (spawnSync(file, args).status === 0) return process.execPath
  const copy = path.join(APP, "bin/node")
  mkdirSync(path.dirname(copy))
  cpSync(process.execPath, copy)
  return copy
}
