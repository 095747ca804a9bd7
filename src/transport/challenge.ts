/**
 * The messages by which both ends prove that they have a runner's key where the pool has `tls: false`, and the MACs in them.
 * Pure functions; who sends what when is in proof.ts.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import { ProtocolError } from "../shared/errors.ts"
import { SUBPROTOCOL } from "./protocol.ts"

/** No message of the challenge is longer. */
export const MAX_CHALLENGE_BYTES = 1_024
/** A runner id is far shorter; a stranger's may not be longer. */
const MAX_IDENTITY = 256
const NONCE_BYTES = 32
/** A key that is also used for TLS says here what it says it for. */
const LABEL = "slurm-flame challenge"

/** parent -> runner, first. The nonce is the parent's, and new for each connection. */
export interface Challenge {
  readonly t: "challenge"
  readonly nonce: Buffer
}

/** runner -> parent: who it is, its own nonce, and the MAC that shows it has that runner's key. */
export interface Proof {
  readonly t: "proof"
  readonly identity: string
  readonly nonce: Buffer
  readonly mac: Buffer
}

/** parent -> runner: the parent has the key as well. */
export interface Proven {
  readonly t: "proven"
  readonly mac: Buffer
}

/** What both MACs of one connection are about. */
export interface Transcript {
  /** The path that was asked for: a proof for one is none for the other. */
  readonly kind: "control" | "data"
  readonly identity: string
  readonly parentNonce: Buffer
  readonly runnerNonce: Buffer
}

/** 32 bytes that were never used before. */
export function newNonce(): Buffer {
  return randomBytes(NONCE_BYTES)
}

/** The MAC by which `role` shows that it has `key`. Each field has its length before it, so that none can run into the next. */
export function macOf(key: Buffer, role: "parent" | "runner", about: Transcript): Buffer {
  const hmac = createHmac("sha256", key)
  const { kind, identity, parentNonce, runnerNonce } = about
  for (const field of [LABEL, SUBPROTOCOL, role, kind, identity, parentNonce, runnerNonce]) {
    const bytes = typeof field === "string" ? Buffer.from(field) : field
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return hmac.digest()
}

/** True when `mac` is `role`'s. Takes the same time whichever byte is wrong. */
export function isMac(mac: Buffer, key: Buffer, role: "parent" | "runner", about: Transcript): boolean {
  return timingSafeEqual(mac, macOf(key, role, about))
}

/** One message as text: buffers in base64. */
export function writeMessage(message: Challenge | Proof | Proven): string {
  const fields = Object.entries(message) as [string, string | Buffer][]
  return JSON.stringify(Object.fromEntries(fields.map(([name, v]) => [name, v.toString("base64")])))
}

/** @throws ProtocolError when it is not a challenge. */
export function readChallenge(data: Buffer, isBinary: boolean): Challenge {
  const fields = parse(data, isBinary, "challenge")
  return { t: "challenge", nonce: bytes32(fields, "nonce") }
}

/** @throws ProtocolError when it is not a proof. Whether it proves anything is another question. */
export function readProof(data: Buffer, isBinary: boolean): Proof {
  const fields = parse(data, isBinary, "proof")
  const { identity } = fields
  if (typeof identity !== "string" || identity.length > MAX_IDENTITY) {
    throw new ProtocolError("the identity of a proof is not a short text")
  }
  return { t: "proof", identity, nonce: bytes32(fields, "nonce"), mac: bytes32(fields, "mac") }
}

/** @throws ProtocolError when it is not the parent's proof. */
export function readProven(data: Buffer, isBinary: boolean): Proven {
  const fields = parse(data, isBinary, "proven")
  return { t: "proven", mac: bytes32(fields, "mac") }
}

function parse(data: Buffer, isBinary: boolean, wanted: string): Record<string, unknown> {
  if (isBinary) throw new ProtocolError(`a binary message in place of the ${wanted}`)
  if (data.length > MAX_CHALLENGE_BYTES) throw new ProtocolError(`${data.length} bytes in place of the ${wanted}`)
  let message: unknown
  try {
    message = JSON.parse(data.toString())
  } catch (cause) {
    throw new ProtocolError(`the ${wanted} is not JSON`, { cause })
  }
  if (typeof message !== "object" || message === null || (message as { t?: unknown }).t !== wanted) {
    throw new ProtocolError(`another message in place of the ${wanted}`)
  }
  return message as Record<string, unknown>
}

/** Nonces and MACs are both 32 bytes; base64 that could be written in another way is refused. */
function bytes32(fields: Record<string, unknown>, name: string): Buffer {
  const text = fields[name]
  const bytes = typeof text === "string" ? Buffer.from(text, "base64") : undefined
  if (bytes?.length === NONCE_BYTES && bytes.toString("base64") === text) return bytes
  throw new ProtocolError(`"${name}" is not ${NONCE_BYTES} bytes in base64`)
}
