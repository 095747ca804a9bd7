/** The other end of a listener without TLS, played by a test: a WebSocket that answers the challenge as the test says. */
import { once } from "node:events"
import { WebSocket } from "ws"
import { macOf, newNonce, readChallenge, type Transcript, writeMessage } from "../../src/transport/challenge.ts"
import { CONTROL_PATH, DATA_PATH, SUBPROTOCOL } from "../../src/transport/protocol.ts"
import { HOST } from "./link.ts"

export interface Caught {
  readonly ws: WebSocket
  /** What an honest runner's proof would be about. */
  readonly about: Transcript
}

/** A WebSocket that has got the parent's challenge and not answered it. */
export async function challenged(
  port: number,
  { kind = "data", identity = "r" }: { kind?: "control" | "data"; identity?: string } = {},
): Promise<Caught> {
  const ws = new WebSocket(`ws://${HOST}:${port}${kind === "data" ? DATA_PATH : CONTROL_PATH}`, [SUBPROTOCOL])
  ws.on("error", () => {})
  const [data, isBinary] = await once(ws, "message")
  const parentNonce = readChallenge(data, isBinary).nonce
  return { ws, about: { kind, identity, parentNonce, runnerNonce: newNonce() } }
}

/** The proof of a runner, honest but for what the test changes. */
export function proofOf(key: Buffer, about: Transcript, changed: object = {}): string {
  const { identity, runnerNonce: nonce } = about
  const honest = writeMessage({ t: "proof", identity, nonce, mac: macOf(key, "runner", about) })
  return JSON.stringify({ ...JSON.parse(honest), ...changed })
}
