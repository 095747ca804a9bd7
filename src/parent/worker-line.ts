/**
 * The line of one worker process and the session on it. Owns what comes over it and which of it is control; whether it may come,
 * and what its end means, is the runner's link to say.
 */
import { ConnectionError, type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Connection } from "../transport/connection.ts"
import type { Line } from "../transport/line.ts"
import {
  CloseCode,
  PROTOCOL_VERSION,
  parseControl,
  type ToWorkerMessage,
  type WorkerMessage,
} from "../transport/protocol.ts"
import { Session } from "../transport/session.ts"
import { StallWatch } from "../transport/stall-watch.ts"
import { AcceptedLine } from "./accepted-line.ts"

export interface WorkerLineHandler {
  message(message: Exclude<WorkerMessage, { t: "hello" | "bye" }>, session: Session): void
  /** The connection is cut; another may come. */
  cut(reason: FlameError): void
  /** Nothing gets through, though nobody says that the connection is cut. Or the worker is busy. */
  stalled(): void
  /** The line is over; with the code of a bye when the worker had said goodbye. */
  closed(reason: FlameError): void
  callbackFailed(error: unknown): void
}

/** What a worker is told in its welcome, besides what is the line's own. */
export type Instructions = Pick<
  ToWorkerMessage & { t: "welcome" },
  "module" | "source" | "maxConcurrency" | "poolName" | "heartbeatMs" | "reconnectMs" | "epoch"
>

export class WorkerLine {
  readonly accepted: AcceptedLine
  readonly generation: number
  readonly #handler: WorkerLineHandler
  #watch: StallWatch | undefined
  /** However the line ends now, it ended well. */
  #goodbye = false

  constructor(generation: number, handler: WorkerLineHandler) {
    this.generation = generation
    this.accepted = new AcceptedLine({
      text: data => {
        if (!data.startsWith("{")) return session.text(data)
        const message = parseControl(data, "data") as WorkerMessage
        if (message.t === "hello") throw new ProtocolError("a second hello")
        if (message.t === "bye") this.#goodbye = true
        else handler.message(message, session)
      },
      binary: pieces => session.binary(pieces),
      writable: () => session.pump(),
      detached: reason => handler.cut(reason),
      closed: reason => {
        this.#watch?.stop()
        handler.closed(this.#goodbye ? new ConnectionError("the worker said goodbye", {}, CloseCode.bye) : reason)
      },
    })
    const session = new Session("parent", this.line, error => handler.callbackFailed(error))
    this.#handler = handler
  }

  get line(): Line {
    return this.accepted.line
  }

  /** Answers the hello that came over `connection`, and goes on over it. */
  welcome(connection: Connection, instructions: Instructions): void {
    connection.tell({ t: "welcome", v: PROTOCOL_VERSION, line: this.accepted.name, ...instructions })
    if (!connection.open || this.line.over) return
    this.line.attach(connection, 0)
    this.#watch = new StallWatch(this.line, instructions.heartbeatMs, () => this.#handler.stalled())
  }
}
