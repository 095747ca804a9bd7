/** A tiny worker that holds as the real one does: the files of its program, in a directory of their own. */
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { transformSync } from "esbuild"
import { expect } from "vitest"

const HOLD = new URL("../../src/runner/worker/hold.ts", import.meta.url)

/**
 * Says the id of a process that it started. Both write a byte every few ms. "block" blocks its event loop until a file is there; it says when that
 * begins, when it was let go, and leaves with 7 when nobody can let it go.
 */
const WORKER = `import { spawn } from "node:child_process"
import { appendFileSync, existsSync, openSync } from "node:fs"
import { hold } from "./hold.mjs"
const at = name => new URL(name, import.meta.url)
const nap = new Int32Array(new SharedArrayBuffer(4))
process.on("message", message => {
  if (message.t === "init") {
    const stdio = ["ignore", openSync(at("child"), "a"), "ignore"]
    process.send(spawn(process.execPath, ["-e", "setInterval(() => fs.writeSync(1, '.'), 5)"], { stdio }).pid)
    setInterval(() => appendFileSync(at("main"), "."), 5)
  } else if (message.t === "hold") {
    process.send(hold(message.fd) ? "released" : process.exit(7))
  } else {
    process.send("blocked")
    while (!existsSync(at("unblock"))) Atomics.wait(nap, 0, 0, 5)
  }
})
process.on("disconnect", () => process.exit())`

/** Processes are started and looked at on a machine that may be busy. */
export const poll = <T>(ask: () => T) => expect.poll(ask, { timeout: 15_000 })

export class HeldWorker {
  readonly dir = mkdtempSync(join(tmpdir(), "flame-worker-"))
  readonly entry = pathToFileURL(join(this.dir, "worker.mjs"))

  constructor() {
    writeFileSync(join(this.dir, "hold.mjs"), transformSync(readFileSync(HOLD, "utf8"), { loader: "ts" }).code)
    writeFileSync(this.entry, WORKER)
    for (const who of ["main", "child"]) writeFileSync(join(this.dir, who), "")
  }

  /** How much was written so far. */
  wrote(who: "main" | "child"): number {
    return statSync(join(this.dir, who)).size
  }

  unblock(): void {
    writeFileSync(join(this.dir, "unblock"), "")
  }
}
