/**
 * What travels on the wire besides values: versions, paths, close codes and the control messages, with their validators.
 * Types and pure functions only; knows no socket. docs/protocol.md describes the same in prose.
 */
import { ProtocolError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"

/** Raised whenever a peer of the previous version could misread a message. */
export const PROTOCOL_VERSION = 1
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
} as const

/** A hello is the only thing a peer may send before it is welcomed, and it is small. */
export const MAX_HELLO_BYTES = 16 * 1024
export const MAX_CONTROL_BYTES = 1024 * 1024
/** ws keeps `maxPayload` in an int32: 2 GiB and more would mean "no limit". */
export const MAX_FRAME_BYTES = 2 ** 31 - 1
/** ws waits 30 s for the peer's close frame by default: the whole grace of a job that is being ended. */
export const CLOSE_TIMEOUT_MS = 1_000

/** Why a runner drains. */
export type DrainReason = "idle" | "close" | "terminated" | "walltime" | "cancelled" | "parent-gone"

/** supervisor -> parent */
export type SupervisorMessage =
  | { t: "hello"; v: number; runnerId: string; jobId: string; node: string; pid: number }
  | { t: "draining"; reason: DrainReason; leftMs: number }
  /** The worker process ended. `restart`: another one is being started in the same job. */
  | { t: "worker-exit"; code: number | null; signal: string | null; stderr: string; restart: boolean }
  | { t: "fail"; error: Json }
  /** The last message: work is drained, hooks have run, the temporary directory is gone. `cut`: work was still running. */
  | { t: "bye"; reason: DrainReason | "crashed"; cut: boolean }

/** parent -> supervisor */
export type ToSupervisorMessage =
  | { t: "welcome"; v: number; heartbeatMs: number; silenceMs: number; orphanGraceMs: number }
  | { t: "drain"; reason: DrainReason; graceMs: number }
  | { t: "deadline"; endsAt: number }
  /** The parent lost this worker's data socket: if the worker still lives, it has to be replaced. */
  | { t: "reset"; generation: number }

/** worker -> parent */
export type WorkerMessage =
  | { t: "hello"; v: number; runnerId: string; pid: number; generation: number }
  | { t: "ready"; exports: string[] }
  | { t: "fail"; error: Json }
  | { t: "close"; channel: number }

/** parent -> worker */
export type ToWorkerMessage =
  | { t: "welcome"; v: number; module: string; source: string; maxConcurrency: number; poolName: string }
  | { t: "close"; channel: number }

export type ControlMessage = SupervisorMessage | ToSupervisorMessage | WorkerMessage | ToWorkerMessage

type Shape = Record<string, "string" | "number" | "boolean" | "string?" | "number?" | "strings" | "json">

/** By socket: what belongs on the other one is refused, not ignored. */
const SHAPES: Record<"control" | "data", Record<string, Shape | undefined>> = {
  control: Object.assign(Object.create(null), {
    draining: { reason: "string", leftMs: "number" },
    "worker-exit": { code: "number?", signal: "string?", stderr: "string", restart: "boolean" },
    fail: { error: "json" },
    bye: { reason: "string", cut: "boolean" },
    drain: { reason: "string", graceMs: "number" },
    deadline: { endsAt: "number" },
    reset: { generation: "number" },
  } satisfies Record<string, Shape>),
  data: Object.assign(Object.create(null), {
    ready: { exports: "strings" },
    fail: { error: "json" },
    close: { channel: "number" },
  } satisfies Record<string, Shape>),
}

const HELLO: Record<"control" | "data", Shape> = {
  control: { v: "number", runnerId: "string", jobId: "string", node: "string", pid: "number" },
  data: { v: "number", runnerId: "string", pid: "number", generation: "number" },
}
const WELCOME: Record<"control" | "data", Shape> = {
  control: { v: "number", heartbeatMs: "number", silenceMs: "number", orphanGraceMs: "number" },
  data: { v: "number", module: "string", source: "string", maxConcurrency: "number", poolName: "string" },
}

function fits(kind: Shape[string], value: unknown): boolean {
  switch (kind) {
    case "json":
      return value !== undefined
    case "strings":
      return Array.isArray(value) && value.every(v => typeof v === "string")
    case "string?":
    case "number?":
      return value === null || typeof value === kind.slice(0, -1)
    case "number":
      return typeof value === "number" && Number.isFinite(value)
    default:
      return typeof value === kind
  }
}

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
  const shape = kind === "hello" ? HELLO[socket] : kind === "welcome" ? WELCOME[socket] : SHAPES[socket][kind]
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

export type RequestMessage =
  | { id: number | string; type: "APPLY"; path: string[]; argumentList: WireValue[] }
  | { id: number | string; type: "GET"; path: string[] }
  | { id: number | string; type: "RELEASE" }
  /** Ours: `target` is the id of the request to abort. Unmodified Comlink ignores types it does not know. */
  | { id: number | string; type: "CANCEL"; target: number | string; reason: unknown }

export type ReplyMessage = WireValue & { id: number | string }
