/**
 * The challenge that stands in for TLS where a pool has `tls: false`: both ends of the exchange on an open WebSocket, before
 * anybody else may use it. Owns the socket's messages for that long; deadlines and byte counts are its callers'.
 */
import { randomBytes } from "node:crypto"
import type { WebSocket } from "ws"
import { HandshakeError, HostError, isFlameError } from "../shared/errors.ts"
import {
  isMac,
  macOf,
  newNonce,
  type Proof,
  readChallenge,
  readProof,
  readProven,
  type Transcript,
  writeMessage,
} from "./challenge.ts"
import { holdMessages } from "./held-messages.ts"
import { CloseCode } from "./protocol.ts"
import { KEY_BYTES } from "./psk.ts"

const CUT = "the connection to the parent was cut before it had proved its key"

/** Stands in for the key of somebody unknown: its MAC is computed and compared like any other, and never fits. */
const NO_KEY = randomBytes(KEY_BYTES)

export interface ProofHandler {
  /** The peer has the key of this identity, and has been told that we have it too. Take its messages in this very call. */
  proven(identity: string): void
  /** It has not. The socket is being closed. */
  refused(why: string, claimed?: string): void
}

/** The parent's end: challenges the peer. Unknown identities and wrong keys are told apart neither to it nor by time. */
export function askProof(
  ws: WebSocket,
  kind: "control" | "data",
  keyOf: (identity: string) => Buffer | undefined,
  handler: ProofHandler,
): void {
  const parentNonce = newNonce()
  const failed = (error: Error) => refuse(`bad frame in place of a proof: ${error.message}`)
  const refuse = (why: string, claimed?: string) => {
    ws.off("message", answered)
    ws.off("error", failed)
    ws.on("error", () => ws.terminate())
    handler.refused(why, claimed)
    ws.close(CloseCode.refused, "no valid proof of a runner's key") // the same words whatever was wrong
  }
  const answered = (data: Buffer, isBinary: boolean) => {
    let proof: Proof
    try {
      proof = readProof(data, isBinary)
    } catch (error) {
      refuse((error as Error).message)
      return
    }
    const { identity, nonce: runnerNonce } = proof
    const about: Transcript = { kind, identity, parentNonce, runnerNonce }
    const key = keyOf(identity)
    const fits = isMac(proof.mac, key ?? NO_KEY, "runner", about)
    if (key === undefined || !fits) {
      refuse(`wrong proof for ${JSON.stringify(identity)}: another key, no live runner, or a replay`, identity)
      return
    }
    ws.off("message", answered)
    ws.off("error", failed)
    ws.send(writeMessage({ t: "proven", mac: macOf(key, "parent", about) }))
    handler.proven(identity)
  }
  ws.on("message", answered)
  ws.on("error", failed)
  ws.send(writeMessage({ t: "challenge", nonce: parentNonce }))
}

/**
 * The runner's end, on an open socket whose messages are held. When it resolves they are held again, for whoever takes over.
 * @throws HandshakeError when the other end refuses us, or is not the parent; HostError when the connection was cut.
 */
export async function giveProof(
  ws: WebSocket,
  { kind, identity, key }: { kind: "control" | "data"; identity: string; key: Buffer },
): Promise<void> {
  const runnerNonce = newNonce()
  let about: Transcript | undefined
  await new Promise<void>((resolve, reject) => {
    const settle = (tell: () => void) => {
      ws.off("message", heard)
      ws.off("error", failed)
      ws.off("close", closed)
      tell()
    }
    const failed = (error: Error & { code?: string }) => {
      // What ws finds wrong is no answer of a parent's; anything else is the network, which says nothing about who is there.
      const cut = !isFlameError(error) && error.code?.startsWith("WS_ERR") !== true
      settle(() => reject(cut ? new HostError(`${CUT}: ${error.message}`, { cause: error }) : error))
    }
    const closed = (code: number, reason: Buffer) => {
      if (code === 1006) return failed(new HostError(CUT))
      const words = reason.length > 0 ? reason.toString() : `it closed the connection (code ${code})`
      failed(new HandshakeError(words))
    }
    const heard = (data: Buffer, isBinary: boolean) => {
      try {
        if (!about) {
          about = { kind, identity, parentNonce: readChallenge(data, isBinary).nonce, runnerNonce }
          const mac = macOf(key, "runner", about)
          ws.send(writeMessage({ t: "proof", identity, nonce: runnerNonce, mac }))
          return
        }
        if (!isMac(readProven(data, isBinary).mac, key, "parent", about)) {
          throw new HandshakeError("it has not this runner's key: another program listens there now")
        }
        settle(() => holdMessages(ws)) // at once: the next message may be of the same read
        resolve()
      } catch (error) {
        failed(error as Error)
      }
    }
    ws.on("message", heard)
    ws.on("error", failed)
    ws.on("close", closed)
  })
}
