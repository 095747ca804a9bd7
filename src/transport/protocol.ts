/**
 * What travels on the wire besides values: versions, paths, close codes and the control messages, with their validators.
 * Types and pure functions only; knows no socket. docs/protocol.md describes the same in prose.
 */
import { ProtocolError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import { fits, shapeOf } from "./control-shapes.ts"

/** Raised whenever a peer of the previous version could misread a message. */
export const PROTOCOL_VERSION = 3
export const SUBPROTOCOL = `slurm-flame.${PROTOCOL_VERSION}`
/** The supervisor's quiet socket and the worker's busy one. */
export const CONTROL_PATH = `/v${PROTOCOL_VERSION}/control`
export const DATA_PATH = `/v${PROTOCOL_VERSION}/data`

/** Close codes of our own (RFC 6455 reserves 4000-4999 for applications). */
export const CloseCode = {
  bye: 4000,
  refused: 4001,
  protocol: 4002,
  version: 4003,
  heartbeat: 4004,
  superseded: 4005,
  fenced: 4006,
} as const

/** A hello is the only thing a peer may send before it is welcomed, and it is small. */
export const MAX_HELLO_BYTES = 16 * 1024
/** One WebSocket message after the hello, on either socket. What is larger crosses in chunks. */
export const MAX_PACKET_BYTES = 1024 * 1024
/** A control message inside of a packet, its own error included. */
export const MAX_CONTROL_BYTES = MAX_PACKET_BYTES
/** Names in a path: of an export, or of a property of a remote object. */
export const MAX_PATH = 32
/** One message with everything in it: text and binary parts. */
export const MAX_MESSAGE_BYTES = 4 * 1024 ** 3
/** ws waits 30 s for the peer's close frame by default: the whole grace of a job that is being ended. */
export const CLOSE_TIMEOUT_MS = 1_000

/** Where a line of the worker's was written to. */
export type LogStream = "stdout" | "stderr"

/** Why a runner drains. */
export type DrainReason =
  | "idle"
  | "close"
  | "terminated"
  | "scale"
  | "single-use"
  | "walltime"
  | "cancelled"
  | "parent-gone"
  /** The scheduler counts the job as over, although its processes live: its node does not answer there any more. */
  | "node-fail"

/**
 * How often the scheduler has started the job anew, in a hello; left out: 0. The highest one is the runner, those below it are not
 * any more, whatever they know.
 */
export type Incarnation = number

/** In a hello: the line that this connection is to go on with, and how many of its packets have arrived at this end. */
export interface Resume {
  line: string
  received: number
}

/** In a pool that persists: in a hello the greatest epoch its sender knows of, in a welcome the parent's own. */
interface OfEpoch {
  epoch?: number
}

/** Results of calls with an id that a worker keeps for who asks again; the oldest are dropped first. */
export const KEPT_RESULTS = 1_000

/** Of a pool that persists, in `ready`: ids of calls that run on the worker, and of those whose results it has. */
export interface CallIds {
  running: string[]
  over: string[]
}

/** A process was killed for want of memory. `limit`: how much its job may have, in bytes; null: there is no limit but the node's. */
export interface Oom {
  limit: number | null
}

/** supervisor -> parent */
export type SupervisorMessage =
  | ({
      t: "hello"
      v: number
      runnerId: string
      jobId: string
      node: string
      pid: number
      /** What the clock of its node shows, in ms since 1970. */
      clock?: number
      incarnation?: Incarnation | undefined
      resume?: Resume
    } & OfEpoch & {
        /** In a hello to another parent than before: workers of generations below this have ended, and nobody need hear of it. */
        generation?: number
      })
  /** What does the scheduler say of the job now? `signalled`: a signal came that may be its warning, so that a word is waited for. */
  | { t: "ask"; signalled: boolean }
  | { t: "draining"; reason: DrainReason; leftMs: number }
  /** The worker process ended. `restart`: another one is being started in the same job. `oom`: since there was no memory left. */
  | { t: "worker-exit"; code: number | null; signal: string | null; stderr: string; restart: boolean; oom?: Oom }
  | { t: "fail"; error: Json }
  /** Lines that the worker wrote, without their ends; only while the parent listens. */
  | { t: "log"; stream: LogStream; lines: string[] }
  /** The last message: work is drained, hooks have run, the temporary directory is gone. `cut`: work was still running. */
  | { t: "bye"; reason: DrainReason | "crashed"; cut: boolean }

/** parent -> supervisor */
export type ToSupervisorMessage =
  | {
      t: "welcome"
      v: number
      line: string
      heartbeatMs: number
      silenceMs: number
      orphanGraceMs: number
      unlinkedGraceMs: number
      reconnectMs: number
      /** For how long after an answer of the parent the runner's calls are its own for certain; left out or 0: as long as it lives. */
      leaseMs?: number
      /** As in `listen`. */
      log: boolean
      epoch?: number | undefined
    }
  | Resumed
  /** `log`: whether what the worker writes is to be told. */
  | { t: "listen"; log: boolean }
  | { t: "drain"; reason: DrainReason; graceMs: number }
  /** So long until the job's walltime ends; the last word counts. Not a moment, since clocks differ. */
  | { t: "deadline"; leftMs: number }
  /** The scheduler was asked since the supervisor's `ask`. `runs`: the job does, and nobody ends it; its end was told before this. */
  | { t: "answer"; runs: boolean }
  /** The parent lost this worker's data connection: the worker should make a new one, if it has not noticed yet. */
  | { t: "relink"; generation: number }
  /** The parent ended this worker's line: if the worker still lives, it has to be replaced. */
  | { t: "reset"; generation: number }

/** worker -> parent */
export type WorkerMessage =
  | ({
      t: "hello"
      v: number
      runnerId: string
      pid: number
      incarnation?: Incarnation | undefined
      generation: number
      resume?: Resume
    } & OfEpoch)
  | { t: "ready"; exports: string[]; calls?: CallIds }
  | { t: "fail"; error: Json }
  /** The last packet: every call that was begun has been answered, and what comes now is not looked at. */
  | { t: "bye" }

/** parent -> worker */
export type ToWorkerMessage =
  | {
      t: "welcome"
      v: number
      line: string
      heartbeatMs: number
      reconnectMs: number
      module: string
      source: string
      maxConcurrency: number
      poolName: string
      epoch?: number | undefined
    }
  | Resumed

/** The answer to a hello with `resume`: how many packets have arrived at the parent. The rest is sent again by either side. */
export interface Resumed {
  t: "resumed"
  received: number
}

export type ControlMessage = SupervisorMessage | ToSupervisorMessage | WorkerMessage | ToWorkerMessage

/**
 * Parses one text message of the peer.
 * @throws ProtocolError when it is not a control message this protocol knows.
 */
export function parseControl(text: string, socket: "control" | "data"): ControlMessage {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch (cause) {
    throw new ProtocolError("a control message is not JSON", { cause })
  }
  const kind = (message as { t?: unknown } | null)?.t
  if (typeof kind !== "string") throw new ProtocolError("a control message has no type")
  const shape = shapeOf(kind, socket)
  if (!shape) throw new ProtocolError(`unknown control message ${JSON.stringify(kind.slice(0, 40))}`)
  for (const [field, type] of Object.entries(shape)) {
    if (!fits(type, (message as Record<string, unknown>)[field])) {
      throw new ProtocolError(`control message "${kind}": field "${field}" is not a ${type}`)
    }
  }
  return message as ControlMessage
}

// ───── the RPC messages on a channel: Comlink's own (comlink 4.4.2, protocol.d.ts), so that either end may be real Comlink

export type WireValue = { type: "RAW"; value: unknown } | { type: "HANDLER"; name: string; value: unknown }

/** Ours: how a request differs from an ordinary one. Unmodified Comlink does not look at it. */
export interface Marks {
  /** The result is not copied but held: its methods are called from here. */
  readonly place?: true
  /** Resources in the result are held by reference. */
  readonly track?: true
  /** It does not belong to its caller: the loss of the line does not abort it. */
  readonly unlinked?: true
  /**
   * The call's id: the worker runs it once, keeps what came of it, and answers every request of this id with that. The loss of the
   * line does not abort it.
   */
  readonly once?: string
  /** With `once`: refused where no call of that id runs or has run. */
  readonly known?: true
  /** With `once`: answered with undefined when that call has ended, or where there is none. */
  readonly follow?: true
  /**
   * The call outlives its runner. Its arguments end with two more: the state that it is to go on from, undefined where there is none, and a
   * function that keeps a newer one. Its answer may be `interrupted`.
   */
  readonly resumable?: true
  /** With `resumable`: how often the call has been begun, this time included; left out: 1. */
  readonly attempt?: number
}

export type RequestMessage =
  | ({ id: number | string; type: "APPLY"; path: string[]; argumentList: WireValue[] } & Marks)
  | ({ id: number | string; type: "GET"; path: string[] } & Marks)
  | { id: number | string; type: "RELEASE" }
  /** Ours: `target` is the id of the request to abort. Unmodified Comlink ignores types it does not know. */
  | { id: number | string; type: "CANCEL"; target: number | string; reason: unknown }

/**
 * Ours, with what was thrown. `refused`: the request was not begun. `interrupted`: a resumable one ended since the runner drains, and is to go
 * on elsewhere. What a function throws cannot have them.
 */
export type ReplyMessage = WireValue & { id: number | string; refused?: true; interrupted?: true }
