/** Piscina: a pool of worker threads, here of one, since each peer has one server. */
import { packages } from "./lib/needs.mjs"

export const about = {
  name: "piscina",
  kind: "local",
  needs: ["piscina"],
  how: "one worker thread with Piscina's defaults; a method of the task's file for each kind of call",
}

export const missing = packages(about.needs)

export async function connect() {
  const { Piscina } = await import("piscina")
  const pool = new Piscina({
    filename: new URL("./workers/tasks.mjs", import.meta.url).href,
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
