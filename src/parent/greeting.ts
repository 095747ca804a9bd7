/**
 * A peer that proved to have a runner's key, until it has said who it is: one hello, within a time, and nothing before it. Owns
 * that first moment of a connection; what the hello leads to is the link's business.
 */
import { clockSkew } from "../shared/clock-skew.ts"
import { ConnectionError, HandshakeError, ProtocolError } from "../shared/errors.ts"
import { after } from "../shared/timer.ts"
import { Connection } from "../transport/connection.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import {
  CloseCode,
  PROTOCOL_VERSION,
  parseControl,
  type SupervisorMessage,
  type WorkerMessage,
} from "../transport/protocol.ts"

export type Hello = Extract<SupervisorMessage | WorkerMessage, { t: "hello" }>

export interface GreetingHandler {
  /**
   * The hello. `greet` is to be called when it is accepted; throwing a HandshakeError refuses it. `skewMs`: its clock is so much ahead of
   * this one; undefined: it does not show one.
   */
  hello(hello: Hello, connection: Connection, greet: () => void, skewMs: number | undefined): void
  refused(why: string): void
  /** The connection is no stranger's any more, or is gone. */
  over(connection: Connection): void
}

/** From the accepted connection to the hello. A runner says it at once, unless its node is very busy. */
const HELLO_MS = 30_000

/**
 * Waits for the hello of `peer`, who has the key of `runnerId`.
 * @param epoch In a pool that persists: this parent's.
 */
export function awaitHello(
  peer: AcceptedPeer,
  runnerId: string,
  handler: GreetingHandler,
  epoch = Number.POSITIVE_INFINITY,
): Connection {
  let greeted = false
  // The peer reads its clock after it was let in, and before its hello is here: however busy this process is.
  const from = Date.now()
  const connection = new Connection(peer.ws, false, {
    text: data => {
      const hello = parseControl(data, peer.kind)
      if (hello.t !== "hello" || greeted) throw new ProtocolError(`"${hello.t}" where the hello must be`)
      check(hello, runnerId, epoch)
      const shown = "clock" in hello ? hello.clock : undefined
      const skewMs = shown === undefined ? undefined : clockSkew({ shown, from, until: Date.now() })
      const greet = () => {
        greeted = true
        patience.stop()
        peer.greeted()
        connection.greet()
        handler.over(connection)
      }
      handler.hello(hello, connection, greet, skewMs)
    },
    binary() {
      throw new ProtocolError("a binary message before the hello was answered")
    },
    closed: reason => {
      patience.stop()
      handler.over(connection)
      // A runner whose other connection proved to be alive calls this one off, and nobody need know.
      const calledOff = reason instanceof ConnectionError && reason.closeCode === CloseCode.bye
      if (!greeted && !calledOff) handler.refused(reason.message)
    },
  })
  // A peer has the key, but whether it speaks is another matter.
  const patience = after(HELLO_MS, () => {
    connection.abort(new HandshakeError(`no hello within ${HELLO_MS} ms`))
  }).unref()
  return connection
}

function check(hello: Hello, runnerId: string, epoch: number): void {
  if (hello.v !== PROTOCOL_VERSION) {
    throw new HandshakeError(`the runner speaks protocol ${hello.v}, this parent ${PROTOCOL_VERSION}`, {
      hint: "parent and runner must use the same version of slurm-flame",
    })
  }
  // The key proved who this is; a hello may not claim to be somebody else.
  if (hello.runnerId !== runnerId)
    throw new HandshakeError(`the key of ${runnerId} was used to claim ${hello.runnerId}`)
  if ((hello.epoch ?? 0) > epoch)
    throw new HandshakeError(
      `runner ${runnerId} is that of another parent, of epoch ${hello.epoch}; this one's is ${epoch}`,
    )
}
