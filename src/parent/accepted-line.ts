/**
 * A line from a runner's process, as its accepting end: one Line, its name, and the connections that come to go on with it.
 * Owns the name, which only who was welcomed knows; decides nothing about who may come.
 */
import { randomBytes } from "node:crypto"
import { HandshakeError, isFlameError } from "../shared/errors.ts"
import type { Connection } from "../transport/connection.ts"
import { Line, type LineHandler } from "../transport/line.ts"
import type { Resume } from "../transport/protocol.ts"

export class AcceptedLine {
  /** What a hello must say to go on with this line: the runner's key alone is not enough. */
  readonly name = randomBytes(16).toString("hex")
  readonly line: Line

  constructor(handler: LineHandler) {
    this.line = new Line(handler)
  }

  /** Nothing has come over it and nobody is there: whoever said hello never heard the answer, and may say it again. */
  get forgotten(): boolean {
    return !this.line.up && !this.line.heard
  }

  /** @throws HandshakeError when `resume` names another line, or was on its way while the line went on over a newer connection. */
  check({ line, received }: Resume): void {
    if (line !== this.name || this.line.over) throw new HandshakeError("there is no such line to go on with")
    if (received < this.line.acknowledged) throw new HandshakeError("the line has gone on over another connection")
  }

  /** Goes on over `connection`. @throws what `check` throws; ProtocolError for an impossible count, which ends the line. */
  resume(connection: Connection, resume: Resume): void {
    this.check(resume)
    connection.tell({ t: "resumed", received: this.line.received })
    try {
      this.line.attach(connection, resume.received)
    } catch (error) {
      if (isFlameError(error)) this.line.fail(error)
      throw error
    }
  }
}
