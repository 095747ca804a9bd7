/**
 * The worker's line to the parent: dials, says hello, and gives the session its frames. Owns the data connection; knows
 * nothing of the user's module.
 */
import { ConnectionError, type FlameError, HandshakeError, ProtocolError } from "../../shared/errors.ts"
import { Connection } from "../../transport/connection.ts"
import { dial } from "../../transport/dial.ts"
import {
  CloseCode,
  type ControlMessage,
  PROTOCOL_VERSION,
  type ToWorkerMessage,
  type WorkerMessage,
} from "../../transport/protocol.ts"
import { Session } from "../../transport/session.ts"
import type { ToWorker } from "../ipc.ts"

export type Welcome = ToWorkerMessage & { t: "welcome" }

export class DataLink {
  readonly session: Session
  readonly welcome: Welcome
  readonly #connection: Connection

  private constructor(connection: Connection, session: Session, welcome: Welcome) {
    this.#connection = connection
    this.session = session
    this.welcome = welcome
  }

  /**
   * @param lost Called once when the line is gone.
   * @throws HostError, HandshakeError when the parent cannot be reached or refuses.
   */
  static async open(init: ToWorker & { t: "init" }, lost: (reason: FlameError) => void): Promise<DataLink> {
    const ws = await dial({
      host: init.host,
      port: init.port,
      tls: init.tls,
      kind: "data",
      identity: init.runnerId,
      key: Buffer.from(init.key, "base64"),
      localAddress: init.localAddress,
    })
    return await new Promise<DataLink>((resolve, reject) => {
      let link: DataLink | undefined
      const connection = new Connection(ws, "data", true, {
        control(message: ControlMessage) {
          const m = message as ToWorkerMessage
          if (m.t === "close") session.peerClosed(m.channel)
          else if (link) throw new ProtocolError("a second welcome")
          else {
            if (m.t !== "welcome") throw new ProtocolError(`"${(m as { t: string }).t}" before the welcome`)
            if (m.v !== PROTOCOL_VERSION) throw new HandshakeError(`the parent speaks protocol ${m.v}`)
            link = new DataLink(connection, session, m)
            resolve(link)
          }
        },
        frame: frame => session.receive(frame),
        closed(reason) {
          session.fail(reason)
          if (link) lost(reason)
          else reject(reason)
        },
      })
      const session = new Session("runner", {
        sendFrame: (channel, json, rich, parts) => connection.sendFrame(channel, json, rich, parts),
        sendClose: channel => connection.send({ t: "close", channel }),
        callbackFailed: error => console.error("slurm-flame: a function passed to the parent failed:", error),
      })
      connection.send({
        t: "hello",
        v: PROTOCOL_VERSION,
        runnerId: init.runnerId,
        pid: process.pid,
        generation: init.generation,
      })
    })
  }

  send(message: WorkerMessage): void {
    this.#connection.send(message)
  }

  /** Resolves when all that was sent is with the kernel; then ends the line. */
  async close(): Promise<void> {
    await this.#connection.flush()
    this.#connection.close(CloseCode.bye, new ConnectionError("bye"))
  }
}
