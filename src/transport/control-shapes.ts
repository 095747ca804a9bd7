/**
 * What fields the control messages have, by the kind of message and of socket, and which values fit. Owns the check of what a peer
 * sends; what the messages mean is in protocol.ts.
 */

type Kind =
  | "string"
  | "number"
  | "boolean"
  | "string?"
  | "number?"
  | "strings"
  | "json"
  | "resume?"
  | "stream"
  | "oom?"
  | "count?"
  | "calls?"
/** The fields that a message must have, or may. */
export type Shape = Record<string, Kind>

/** By socket: what belongs on the other one is refused, not ignored. */
const SHAPES: Record<"control" | "data", Record<string, Shape | undefined>> = {
  control: Object.assign(Object.create(null), {
    ask: { signalled: "boolean" },
    draining: { reason: "string", leftMs: "number" },
    "worker-exit": { code: "number?", signal: "string?", stderr: "string", restart: "boolean", oom: "oom?" },
    fail: { error: "json" },
    log: { stream: "stream", lines: "strings" },
    bye: { reason: "string", cut: "boolean" },
    drain: { reason: "string", graceMs: "number" },
    deadline: { leftMs: "number" },
    answer: { runs: "boolean" },
    listen: { log: "boolean" },
    relink: { generation: "number" },
    reset: { generation: "number" },
    resumed: { received: "number" },
  } satisfies Record<string, Shape>),
  data: Object.assign(Object.create(null), {
    ready: { exports: "strings", calls: "calls?" },
    fail: { error: "json" },
    bye: {},
    resumed: { received: "number" },
  } satisfies Record<string, Shape>),
}

const HELLO: Record<"control" | "data", Shape> = {
  control: {
    v: "number",
    runnerId: "string",
    jobId: "string",
    node: "string",
    pid: "number",
    clock: "count?",
    incarnation: "count?",
    resume: "resume?",
    epoch: "count?",
    generation: "count?",
  },
  data: {
    v: "number",
    runnerId: "string",
    pid: "number",
    incarnation: "count?",
    generation: "number",
    resume: "resume?",
    epoch: "count?",
  },
}
const WELCOME: Record<"control" | "data", Shape> = {
  control: {
    v: "number",
    line: "string",
    heartbeatMs: "number",
    silenceMs: "number",
    orphanGraceMs: "number",
    unlinkedGraceMs: "number",
    reconnectMs: "number",
    leaseMs: "count?",
    log: "boolean",
    epoch: "count?",
  },
  data: {
    v: "number",
    line: "string",
    heartbeatMs: "number",
    reconnectMs: "number",
    module: "string",
    source: "string",
    maxConcurrency: "number",
    poolName: "string",
    epoch: "count?",
  },
}

/** Whether a field of that kind may have this value. */
export function fits(kind: Shape[string], value: unknown): boolean {
  switch (kind) {
    case "json":
      return value !== undefined
    case "stream":
      return value === "stdout" || value === "stderr"
    case "strings":
      return isStrings(value)
    case "count?":
      return value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)
    case "calls?":
      return value === undefined || isCallIds(value)
    case "resume?":
      return value === undefined || isResume(value)
    case "oom?":
      return value === undefined || isOom(value)
    case "string?":
    case "number?":
      return value === null || typeof value === kind.slice(0, -1)
    case "number":
      return typeof value === "number" && Number.isFinite(value)
    default:
      return typeof value === kind
  }
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every(v => typeof v === "string")
}

function isCallIds(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false
  const { running, over } = value as { running?: unknown; over?: unknown }
  return isStrings(running) && isStrings(over)
}

function isOom(value: unknown): boolean {
  return typeof value === "object" && value !== null && fits("number?", (value as { limit?: unknown }).limit)
}

function isResume(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false
  const { line, received } = value as { line?: unknown; received?: unknown }
  return typeof line === "string" && Number.isSafeInteger(received) && (received as number) >= 0
}

/** Undefined: there is no such message on this socket. */
export function shapeOf(message: string, socket: "control" | "data"): Shape | undefined {
  return message === "hello" ? HELLO[socket] : message === "welcome" ? WELCOME[socket] : SHAPES[socket][message]
}
