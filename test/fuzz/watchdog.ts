/**
 * Sees from another thread that an input never ends: the loop that runs it cannot. Says which input it is and where, and ends the process,
 * since nothing else gets out of a synchronous loop.
 */
import { Worker } from "node:worker_threads"

const PROGRAM = `
  const { workerData } = require("node:worker_threads")
  const { writeSync } = require("node:fs")
  const inspector = require("node:inspector")
  const at = new Int32Array(workerData.memory)
  let last = -1, since = Date.now(), told = false
  const end = () => process.kill(process.pid, "SIGKILL")
  const tell = now => {
    writeSync(2, "\\nfuzz: input " + now + " of seed " + workerData.seed + " has not ended for " + workerData.limitMs + " ms:\\n")
    const session = new inspector.Session()
    session.connectToMainThread()
    session.on("Debugger.paused", ({ params }) => {
      for (const { functionName, url, location } of params.callFrames.slice(0, 12)) {
        writeSync(2, "    at " + (functionName || "?") + " (" + url + ":" + (location.lineNumber + 1) + ")\\n")
      }
      end()
    })
    session.post("Debugger.enable", () => session.post("Debugger.pause"))
    setTimeout(end, 3000)
  }
  setInterval(() => {
    const now = Atomics.load(at, 0)
    if (now !== last || Atomics.load(at, 1) === 0) { last = now; since = Date.now(); return }
    if (told || Date.now() - since < workerData.limitMs) return
    told = true
    tell(now)
  }, 250)
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
