/** Tinypool: a pool of worker threads, here of one, since each peer has one server. */
import { packages } from "./lib/needs.mjs"

export const about = {
  name: "tinypool",
  kind: "local",
  needs: ["tinypool"],
  how: "one worker thread (runtime worker_threads, Tinypool's default); a method of the task's file for each kind of call",
}

export const missing = packages(about.needs)

export async function connect() {
  const { Tinypool } = await import("tinypool")
  const pool = new Tinypool({
    filename: new URL("./workers/tasks.mjs", import.meta.url).href,
    runtime: "worker_threads",
    minThreads: 1,
    maxThreads: 1,
  })
  const run = name => task => pool.run(task, { name })
  const add = run("add")
  return {
    add: (a, b) => add([a, b]),
    echo: run("echo"),
    sink: run("sink"),
    source: run("source"),
    rows: run("rows"),
    close: () => pool.destroy(),
  }
}
