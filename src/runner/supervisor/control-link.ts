/**
 * The supervisor's line to the parent: dials, says hello, notices silence. Owns the control connection; knows nothing of
 * workers.
 */
import { setTimeout as delay } from "node:timers/promises"
import type { BootConfig } from "../../shared/boot.ts"
import { ConnectionError, type FlameError, HandshakeError, ProtocolError } from "../../shared/errors.ts"
import { Connection } from "../../transport/connection.ts"
import { dial, isRefused } from "../../transport/dial.ts"
import {
  CloseCode,
  type ControlMessage,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type ToSupervisorMessage,
} from "../../transport/protocol.ts"

export interface ControlHandler {
  message(message: Exclude<ToSupervisorMessage, { t: "welcome" }>): void
  /** The line is gone, and with it the parent. */
  lost(reason: FlameError): void
}

/** A node may come up before its network does. */
const DIAL_FOR_MS = 30_000
/** Nobody listens: the parent is gone. A few tries rule out that its host only just came back. */
const REFUSALS = 3
const RETRY_MS = 500

export class ControlLink {
  readonly #connection: Connection
  #silence: NodeJS.Timeout | undefined
  #heard = performance.now()
  orphanGraceMs = 5_000

  private constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Dials until the parent answers.
   * @throws HostError, HandshakeError when it does not
   */
  static async open(
    boot: BootConfig,
    localAddress: string | undefined,
    who: { jobId: string; node: string },
    handler: ControlHandler,
  ): Promise<ControlLink> {
    const ws = await dialPatiently(boot, localAddress)
    return await new Promise<ControlLink>((resolve, reject) => {
      let link: ControlLink | undefined
      const connection = new Connection(ws, "control", true, {
        control(message: ControlMessage) {
          const m = message as ToSupervisorMessage
          if (!link) {
            if (m.t !== "welcome") throw new ProtocolError(`"${m.t}" before the welcome`)
            if (m.v !== PROTOCOL_VERSION) throw new HandshakeError(`the parent speaks protocol ${m.v}`)
            link = new ControlLink(connection)
            link.orphanGraceMs = m.orphanGraceMs
            link.#watchSilence(m.silenceMs)
            resolve(link)
          } else {
            if (m.t === "welcome") throw new ProtocolError("a second welcome")
            link.#heard = performance.now()
            handler.message(m)
          }
        },
        frame() {
          throw new ProtocolError("a frame on the control socket")
        },
        closed(reason) {
          if (link) {
            clearInterval(link.#silence)
            handler.lost(reason)
          } else reject(reason)
        },
      })
      connection.send({ t: "hello", v: PROTOCOL_VERSION, runnerId: boot.runnerId, pid: process.pid, ...who })
    })
  }

  send(message: SupervisorMessage): void {
    this.#connection.send(message)
  }

  /** Says goodbye: resolves when it is with the kernel. */
  async bye(message: SupervisorMessage & { t: "bye" }): Promise<void> {
    this.#connection.send(message)
    await this.#connection.flush()
    clearInterval(this.#silence)
    this.#connection.close(CloseCode.bye, new ConnectionError("bye"))
  }

  /** A parent whose host lost power sends no FIN: only its silence tells. A parent that is merely busy is not silent so long. */
  #watchSilence(limitMs: number): void {
    const heard = () => {
      this.#heard = performance.now()
    }
    this.#connection.onPing(heard)
    this.#silence = setInterval(() => {
      if (performance.now() - this.#heard < limitMs) return
      this.#connection.abort(new ConnectionError(`nothing was heard of the parent for ${limitMs} ms`))
    }, limitMs / 4)
    this.#silence.unref()
  }
}

async function dialPatiently(boot: BootConfig, localAddress: string | undefined) {
  const until = performance.now() + DIAL_FOR_MS
  for (let refusals = 0; ; ) {
    try {
      const { host, port, tls, runnerId, key } = boot
      return await dial({
        host,
        port,
        tls,
        kind: "control",
        identity: runnerId,
        key: Buffer.from(key, "base64"),
        localAddress,
      })
    } catch (error) {
      if (isRefused(error)) refusals += 1
      if (refusals >= REFUSALS || error instanceof HandshakeError || performance.now() > until) throw error
    }
    await delay(RETRY_MS)
  }
}
