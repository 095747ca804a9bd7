/**
 * A line from a runner's process, as its accepting end: one Line, its name, and the connections that come to go on with it.
 * Owns the name, which only who was welcomed knows; decides nothing about who may come.
 */
import { randomBytes } from "node:crypto"
import { HandshakeError } from "../shared/errors.ts"
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
    return !this.line.up && this.line.received === 0
  }

  /**
   * Goes on over `connection`.
   * @param greet Called when the name is right: until then it is a stranger's.
   * @throws HandshakeError for another line's name; ProtocolError for an impossible count.
   */
  resume(connection: Connection, { line, received }: Resume, greet: () => void): void {
    if (line !== this.name || this.line.over) throw new HandshakeError("there is no such line to go on with")
    greet()
    connection.tell({ t: "resumed", received: this.line.received })
    this.line.attach(connection, received)
  }
}
