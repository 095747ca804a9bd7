/** Comlink over worker_threads, by Comlink's own adapter for Node: what the users of slurm-flame come from. */
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { packages } from "./lib/needs.mjs"

export const about = {
  name: "comlink worker_threads",
  kind: "local",
  needs: ["comlink"],
  how: "Comlink on one worker thread with comlink/node-adapter; bytes are cloned as for every other peer, not transferred",
}

export const missing = packages(about.needs)

export async function connect() {
  const { wrap } = await import("comlink")
  const { default: nodeEndpoint } = await import("comlink/dist/esm/node-adapter.mjs")
  const worker = new Worker(new URL("./workers/comlink.mjs", import.meta.url))
  await once(worker, "online")
  const api = wrap(nodeEndpoint(worker))
  return {
    add: (a, b) => api.add(a, b),
    echo: bytes => api.echo(bytes),
    sink: bytes => api.sink(bytes),
    source: length => api.source(length),
    rows: rows => api.rows(rows),
    async close() {
      await worker.terminate()
    },
  }
}
