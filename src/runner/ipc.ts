/** What supervisor and worker say to each other over the IPC channel that fork() makes. Types only. */
import type { Endpoint } from "../shared/address.ts"
import type { PersistConfig } from "../shared/boot.ts"
import type { DrainReason } from "../transport/protocol.ts"

/** supervisor -> worker */
export type ToWorker =
  | {
      t: "init"
      runnerId: string
      pool: string
      /** Of the parent, in the order in which to try. */
      addresses: readonly Endpoint[]
      tls: boolean
      key: string
      /** Addresses of this node to dial from. */
      from: readonly string[]
      jobId: string
      node: string
      tmpdir: string
      /** End of the walltime, as `nodeNow()` counts. */
      until: number | undefined
      /** Where `runner().keep()` moves things. */
      keepDir?: string | undefined
      /** How often the job has been started anew. */
      incarnation?: number
      generation: number
      persist?: PersistConfig | undefined
    }
  /** What runs may go on until then, as `nodeNow()` counts. */
  | { t: "drain"; reason: DrainReason; until: number }
  /** Its drain is over: what runs is left, hooks have so long. */
  | { t: "hurry"; hooksMs: number }
  | { t: "deadline"; until: number }
  /** Let nothing run on the main thread until the pipe of that number says so: see `worker/hold.ts`. */
  | { t: "hold"; fd: number }
  /** The way to the parent was cut, or may have been: make another connection. */
  | { t: "relink" }

/** worker -> supervisor */
export type FromWorker =
  /** The data line is gone for good, so the parent is, or the network. */
  | { t: "lost"; fenced: boolean }
  /** Whether work is open that does not belong to its caller, and may go on when the parent is gone. */
  | { t: "unlinked"; open: boolean }
  /** The answer to `hurry`. `open`: work was running. */
  | { t: "hurried"; open: boolean }
  /** It makes a copy under this name, which is nobody's any more when it dies meanwhile; or it is done with that. */
  | { t: "partial"; path: string; done: boolean }
