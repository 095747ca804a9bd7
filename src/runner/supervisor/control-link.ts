/**
 * The supervisor's line to the parent: dials, says hello, notices silence. Owns the control line; knows nothing of workers.
 */
import type { Endpoint } from "../../shared/address.ts"
import type { BootConfig } from "../../shared/boot.ts"
import { ConnectionError, type FlameError, ProtocolError } from "../../shared/errors.ts"
import type { Connection } from "../../transport/connection.ts"
import {
  CloseCode,
  type LogStream,
  parseControl,
  type Resumed,
  type SupervisorMessage,
  type ToSupervisorMessage,
} from "../../transport/protocol.ts"
import { DialledLine } from "../dialled-line.ts"
import type { ParentSeeker } from "../parent-seeker.ts"
import { ParentLease } from "./lease.ts"
import { graceAfter } from "./parent-loss.ts"

type Welcome = ToSupervisorMessage & { t: "welcome" }

/** What a supervisor says of itself; `generation` to another parent than before. */
type Who = { jobId: string; node: string; incarnation?: number; generation?: number }

export interface ControlHandler {
  message(message: Exclude<ToSupervisorMessage, Welcome | Resumed>): void
  /** More may be sent than before. */
  writable(): void
  /** The line goes on over another connection: the one before was cut, and others on the same way may be. */
  resumed(): void
  /** No address of the parent could be reached at first; it is tried again. */
  unreached?(error: Error): void
  /** The lease has run out, so that the parent may give this runner up at that moment (`performance.now()`); undefined: it has not after all. */
  doubt(until: number | undefined): void
  /** The line is gone, and with it the parent. @param graceMs How long the runner may take to end. */
  lost(reason: FlameError, graceMs: (unlinked: boolean) => number): void
}

/** Heartbeats that do not come before the line is doubted. */
const MISSES = 3
/** A promise beyond this is none. */
const LONGEST_PROMISE_MS = 3_600_000
/** What is with the kernel arrives although this process ends; a parent that is busy need not be waited for. */
const PATIENCE_MS = 2_000

const unheard = new ConnectionError("the parent's heartbeats do not arrive")

export class ControlLink {
  readonly #dialled: DialledLine<Welcome>
  readonly #watch: NodeJS.Timeout
  readonly #lease: ParentLease
  #questions = 0
  #heard = performance.now()
  /** Packets so far. */
  #sent = 0
  /** The next ping was promised within so long. */
  #promisedMs: number

  private constructor(dialled: DialledLine<Welcome>, handler: ControlHandler) {
    this.#dialled = dialled
    const { silenceMs, heartbeatMs, leaseMs = 0 } = dialled.welcome
    this.#lease = new ParentLease(leaseMs, {
      ask: answered => dialled.ask(`lease ${++this.#questions}`, answered),
      doubt: until => handler.doubt(until),
    })
    this.#promisedMs = heartbeatMs
    // A link that is down for a while shows as silence, and so does a parent that blocks its own loop: a second connection
    // tells them apart. A parent whose host lost its power sends no FIN: only its long silence tells.
    this.#watch = setInterval(
      () => {
        const silent = this.#silentFor
        if (silent >= silenceMs)
          this.#dialled.line.fail(new ConnectionError(`no word of the parent for ${silenceMs} ms`))
        else if (this.up && silent >= this.#promisedMs + (MISSES - 1) * heartbeatMs)
          this.#dialled.relink(unheard, () => this.#silentFor >= heartbeatMs)
      },
      Math.min(heartbeatMs, silenceMs / 4),
    )
    this.#watch.unref()
    this.#listen(dialled.connection)
  }

  /** Where the parent is, the address that led there last first. */
  get addresses(): readonly Endpoint[] {
    return this.#dialled.addresses
  }

  /** How long a runner that lost its parent like this may take to end. @param unlinked Work is open that does not belong to its caller. */
  graceMs(reason: Error, unlinked: boolean): number {
    return graceAfter({ reason, unlinked, expired: this.#lease.expired }, this.#dialled.welcome)
  }

  /** There is a connection to the parent now. */
  get up(): boolean {
    return this.#dialled.line.up
  }

  /**
   * Dials until the parent answers.
   * @throws HostError, HandshakeError when it does not
   */
  static async open(
    boot: BootConfig,
    from: readonly string[],
    who: Who | (() => Who),
    handler: ControlHandler,
    seeker?: ParentSeeker,
  ): Promise<ControlLink> {
    let link: ControlLink | undefined
    const dialled = await DialledLine.open<Welcome>({
      kind: "control",
      parent: { ...boot, from },
      seeker,
      // The parent compares clocks: by this one user code judges its deadline.
      about: () => ({ ...(typeof who === "function" ? who() : who), clock: Date.now() }),
      unreached: error => handler.unreached?.(error),
      handlerFor: () => ({
        text(data) {
          const m = parseControl(data, "control") as ToSupervisorMessage
          if (m.t === "welcome" || m.t === "resumed") throw new ProtocolError(`"${m.t}" on a line that is up`)
          if (link) link.#heard = performance.now()
          handler.message(m)
        },
        binary() {
          throw new ProtocolError("a binary message on the control line")
        },
        writable: () => handler.writable(),
        up(connection) {
          if (link) link.#listen(connection)
          handler.resumed()
        },
        closed(reason) {
          if (link) link.#stop()
          handler.lost(reason, unlinked => link?.graceMs(reason, unlinked) ?? 0)
        },
      }),
    })
    link = new ControlLink(dialled, handler)
    return link
  }

  /** The parent listens to what the worker writes, as it said in its welcome. */
  get listening(): boolean {
    return this.#dialled.welcome.log
  }

  /** Packets below this number have arrived at the parent. */
  get acknowledged(): number {
    return this.#dialled.line.acknowledged
  }

  /** @returns the number of its packet */
  send(message: SupervisorMessage): number {
    this.#dialled.line.send(JSON.stringify(message))
    return this.#sent++
  }

  /** Sends lines that the worker wrote. @returns the number of the packet */
  log(stream: LogStream, lines: string[]): number {
    return this.send({ t: "log", stream, lines })
  }

  /** Says goodbye: resolves when the parent has it, or could read it, or can no longer be told. */
  async bye(message: SupervisorMessage & { t: "bye" }): Promise<void> {
    this.send(message)
    await this.#dialled.line.delivered(PATIENCE_MS)
    this.#stop()
    this.#dialled.line.close(CloseCode.bye, new ConnectionError("bye"))
  }

  #stop(): void {
    clearInterval(this.#watch)
    this.#lease.stop()
  }

  get #silentFor(): number {
    return performance.now() - this.#heard
  }

  #listen(connection: Connection): void {
    const { heartbeatMs } = this.#dialled.welcome
    this.#heard = performance.now()
    this.#lease.reconnected()
    this.#promisedMs = heartbeatMs
    connection.onPing(words => {
      this.#heard = performance.now()
      const promise = Number(words)
      this.#promisedMs = promise > heartbeatMs && promise <= LONGEST_PROMISE_MS ? promise : heartbeatMs
    })
  }
}
