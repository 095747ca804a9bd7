/**
 * The worker's line to the parent: dials, says hello, and gives the session its packets. Owns the data line; knows nothing of the
 * user's module.
 */
import { ConnectionError, type FlameError } from "../../shared/errors.ts"
import { CloseCode, type ToWorkerMessage, type WorkerMessage } from "../../transport/protocol.ts"
import { Session } from "../../transport/session.ts"
import { StallWatch } from "../../transport/stall-watch.ts"
import { DialledLine } from "../dialled-line.ts"
import type { ToWorker } from "../ipc.ts"
import type { ParentSeeker } from "../parent-seeker.ts"

/** Of a pool that persists. */
export interface Persistence {
  /** Where the parent may be. */
  readonly seeker: ParentSeeker
  /** The line goes on over another connection: the parent is the same, and gets what was sent meanwhile. */
  resumed(): void
}

export type Welcome = ToWorkerMessage & { t: "welcome" }

/** What is with the kernel arrives although this process ends; a parent that is busy need not be waited for. */
const PATIENCE_MS = 5_000

export class DataLink {
  readonly session: Session
  readonly #dialled: DialledLine<Welcome>

  private constructor(dialled: DialledLine<Welcome>, session: Session) {
    this.#dialled = dialled
    this.session = session
  }

  /** There is a connection to the parent now. */
  get up(): boolean {
    return this.#dialled.line.up
  }

  get welcome(): Welcome {
    return this.#dialled.welcome
  }

  /**
   * @param lost Called once when the line is gone for good.
   * @throws HostError, HandshakeError when the parent cannot be reached or refuses.
   */
  static async open(
    init: ToWorker & { t: "init" },
    lost: (reason: FlameError) => void,
    persistence?: Persistence,
  ): Promise<DataLink> {
    let session: Session | undefined
    let watch: StallWatch | undefined
    const dialled = await DialledLine.open<Welcome>({
      kind: "data",
      parent: init,
      seeker: persistence?.seeker,
      about: () => ({ incarnation: init.incarnation, generation: init.generation }),
      handlerFor: (_welcome, line) => {
        const made = new Session("runner", line, error =>
          console.error("slurm-flame: a function passed to the parent failed:", error),
        )
        session = made
        return {
          text: data => made.text(data),
          binary: pieces => made.binary(pieces),
          writable: () => made.pump(),
          up: () => persistence?.resumed(),
          closed(reason) {
            watch?.stop()
            made.fail(reason)
            lost(reason)
          },
        }
      },
    })
    const link = new DataLink(dialled, session!)
    watch = new StallWatch(dialled.line, dialled.welcome.heartbeatMs, () => link.relink())
    return link
  }

  /**
   * The connection is lost, or may be: makes another, unless the parent answers over this one. Not when this one proves to be alive: the news may be old,
   * and of a connection that this one has replaced already.
   */
  relink(): void {
    let silent = true
    this.#dialled.probe(() => {
      silent = false
    })
    this.#dialled.relink(new ConnectionError("nothing gets through"), () => silent)
  }

  send(message: WorkerMessage): void {
    this.#dialled.line.send(JSON.stringify(message))
  }

  /**
   * Resolves when all that was sent has arrived at the parent, or could be read by it; then ends the line.
   * @param answered Every call that was begun has been answered. Else nothing is said: the supervisor tells of this worker's end, and calls
   * that are open are lost.
   */
  async close(answered = true): Promise<void> {
    const { line } = this.#dialled
    await this.session.flushed()
    if (!answered) return void (await line.delivered(PATIENCE_MS))
    // A packet, and not the close frame alone: that is lost when this process ends while the parent is still sending.
    this.send({ t: "bye" })
    await line.delivered(PATIENCE_MS)
    line.close(CloseCode.bye, new ConnectionError("bye"))
  }
}
