import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { afterEach, expect, it } from "vitest"
import { killFollowers, killTree, signalTree } from "../../src/runner/supervisor/process-tree.ts"

let child: ChildProcess
let pids: number[] = []
// One by one: what a process has started is nobody's as soon as that is killed, and would hold the tests' output open.
afterEach(() => {
  for (const pid of pids.splice(0)) process.kill(pid, "SIGKILL")
})

/** Starts a process that starts another, which starts a third. */
async function family(): Promise<number[]> {
  // The names of processes may hold brackets and blanks: here they come in the arguments only, in /proc/PID/comm of any program.
  const script = `sh -c 'sleep 60 & echo $!; wait' & echo $!; wait`
  child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.trim().split("\n").length === 2) break
  }
  return [child.pid!, ...text.trim().split("\n").map(Number)]
}

/** The state of a process: S sleeps, R runs, T stands still. */
const stateOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)![0]

it("reaches a process, what it started, and what that started", async () => {
  pids = await family()
  signalTree(child.pid!, "SIGSTOP")
  await expect.poll(() => pids.map(stateOf)).toEqual(["T", "T", "T"])
  signalTree(child.pid!, "SIGCONT")
  await expect.poll(() => pids.map(stateOf)).toEqual(["S", "S", "S"])
})

it("kills all of them, although nobody knows whose they are once the first is dead", async () => {
  const all = await family()
  killTree(child.pid!)
  // One that nobody waits for stays, as a zombie.
  const over = (pid: number) => !existsSync(`/proc/${pid}/stat`) || stateOf(pid) === "Z"
  await expect.poll(() => all.map(over)).toEqual([true, true, true])
})

it("passes over a process that is gone", async () => {
  child = spawn("true")
  await once(child, "exit")
  signalTree(child.pid!, "SIGCONT")
})

it("kills what follows a process, orphans as well, but not the process, and not what has left its session", async () => {
  const script = "sleep 60 & echo $!; (sleep 60 & echo $!); setsid sleep 60 & echo $!; wait $!"
  child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"], detached: true })
  let text = ""
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.trim().split("\n").length === 3) break
  }
  const [started, orphan, away] = text.trim().split("\n").map(Number) as [number, number, number]
  pids = [child.pid!, away]
  const sessionOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[3]!
  await expect.poll(() => sessionOf(away)).toBe(String(away))
  killFollowers(child.pid!)
  await expect
    .poll(() => [started, orphan].filter(pid => existsSync(`/proc/${pid}`) && !/[ZX]/.test(stateOf(pid)!)))
    .toEqual([])
  // The first one hears of what it started: it may be running at this moment.
  await expect.poll(() => pids.map(stateOf)).toEqual(["S", "S"])
})
