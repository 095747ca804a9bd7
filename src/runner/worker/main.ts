/** The process that runs user code: waits for the supervisor's first word, then serves. */
import { CloseCode } from "../../transport/protocol.ts"
import type { FromWorker, ToWorker } from "../ipc.ts"
import { nodeNow } from "../node-clock.ts"
import { deleteOrphaned } from "../tmp-dir.ts"
import { hold } from "./hold.ts"
import { Worker } from "./worker.ts"

// The supervisor alone decides what a signal means. (Under srun, or in a terminal, this process would get them as well.)
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {})

// The pipes to the supervisor: what was written is there when this process ends, also by process.exit() in the next line. (Node
// writes to pipes without waiting.) When nobody reads them any more, the supervisor is dead: see 'disconnect' below.
for (const stream of [process.stdout, process.stderr]) {
  const { _handle: handle } = stream as unknown as { _handle?: { setBlocking?(blocking: boolean): void } }
  handle?.setBlocking?.(true)
  stream.on("error", () => {})
}

const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message)
}

let worker: Worker | undefined
let tmpdir: string | undefined

process.on("message", (message: ToWorker) => {
  switch (message.t) {
    case "init":
      tmpdir = message.tmpdir
      worker = new Worker(message, tell)
      // A line that cannot be opened is for the supervisor to judge: it has one of its own.
      worker.run(message).catch((error: Error & { closeCode?: number }) => {
        const dismissed = error.closeCode === CloseCode.bye // the parent gave this runner up, and knows why
        if (!dismissed) process.stderr.write(`slurm-flame: the worker has no line to the parent: ${error.message}\n`)
        process.exitCode = 1
        process.disconnect?.()
      })
      return
    case "drain":
      void worker?.drain(message.reason, Math.max(0, message.until - nodeNow()))
      return
    case "hurry":
      worker?.hurry(message.hooksMs)
      return
    case "relink":
      worker?.relink()
      return
    case "deadline":
      worker?.setEnd(message.until)
      return
    case "hold":
      if (!hold(message.fd)) orphaned()
      return
  }
})

// The supervisor is dead: nobody is left to clean up or to end this process.
process.on("disconnect", orphaned)

function orphaned(): never {
  if (process.exitCode === undefined && tmpdir) deleteOrphaned(tmpdir)
  process.exit()
}
