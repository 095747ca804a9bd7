/**
 * Sees from another thread that an input never ends: the loop that runs it cannot. Says which input it is and ends the process,
 * since nothing else gets out of a synchronous loop.
 */
import { Worker } from "node:worker_threads"

const PROGRAM = `
  const { workerData } = require("node:worker_threads")
  const { writeSync } = require("node:fs")
  const at = new Int32Array(workerData.memory)
  let last = -1, since = Date.now()
  setInterval(() => {
    const now = Atomics.load(at, 0)
    if (now !== last || Atomics.load(at, 1) === 0) { last = now; since = Date.now(); return }
    if (Date.now() - since < workerData.limitMs) return
    writeSync(2, "\\nfuzz: input " + now + " of seed " + workerData.seed + " has not ended for " + workerData.limitMs + " ms\\n")
    process.kill(process.pid, "SIGKILL")
  }, 500)
`

export class Watchdog {
  readonly #at = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker

  constructor(seed: number, limitMs: number) {
    this.#worker = new Worker(PROGRAM, { eval: true, workerData: { memory: this.#at.buffer, seed, limitMs } })
    this.#worker.unref()
  }

  /** Input `index` begins. */
  begin(index: number): void {
    Atomics.store(this.#at, 0, index)
    Atomics.store(this.#at, 1, 1)
  }

  async end(): Promise<void> {
    Atomics.store(this.#at, 1, 0)
    await this.#worker.terminate()
  }
}
