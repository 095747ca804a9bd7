/**
 * The worker's side of a runner's link: who may sit there, in which order workers follow each other, and what is read of one that
 * has ended before its end is told. There is one seat for each incarnation of the runner: workers of an earlier one have no place
 * in it. Owns the workers' lines; knows nothing of the supervisor's but that it can be told something.
 */
import { ConnectionError, type FlameError, HandshakeError } from "../shared/errors.ts"
import type { Connection } from "../transport/connection.ts"
import { unpackError } from "../transport/failure.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import type { ToSupervisorMessage, WorkerMessage } from "../transport/protocol.ts"
import { LastWords } from "./last-words.ts"
import type { LinkHandler, LinkSettings } from "./link-handler.ts"
import { WorkerLine } from "./worker-line.ts"

type WorkerHello = WorkerMessage & { t: "hello" }

/** What the seat tells its link, besides what goes to the link's own handler as it is. */
export interface SeatHost {
  /** Says something to the supervisor, if it is there. */
  tell(message: ToSupervisorMessage): void
  /** The worker's connection or its line is gone. */
  down(): void
}

export class WorkerSeat {
  readonly #settings: LinkSettings
  readonly #handler: LinkHandler
  readonly #host: SeatHost
  #data: WorkerLine | undefined
  /** A new worker, while the end of the one before it is not heard of yet, or its last words are still being read. */
  #successor: WorkerLine | undefined
  /** Lets the successor in. */
  #enter: (() => void) | undefined
  /** Workers of generations below this are known to have ended: the supervisor tells each end, in their order. */
  #ended = 0
  /** What happened to a worker whose last words may still be on their way, and since. */
  #afterData: (() => void)[] = []
  #lastWords: LastWords | undefined
  #addresses: { local: string; remote: string } | undefined

  constructor(settings: LinkSettings, handler: LinkHandler, host: SeatHost) {
    this.#settings = settings
    this.#handler = handler
    this.#host = host
  }

  /** Both ends of the worker's socket, once it is up. */
  get addresses(): { local: string; remote: string } | undefined {
    return this.#addresses
  }

  /** There is a connection to the worker now. */
  get up(): boolean {
    return this.#data?.line.up === true
  }

  get bytesRead(): number {
    return this.#data?.line.bytesRead ?? 0
  }

  /** News that must not overtake those that wait for the data to be read: they explain it. */
  inOrder(tell: () => void): void {
    if (this.#afterData.length > 0) this.#afterData.push(tell)
    else tell()
  }

  /** The two sockets have no order between them: what a worker sent before it ended may arrive after the news of its end. */
  onceRead(tell: () => void): void {
    if (!this.#data) {
      tell()
      return
    }
    this.#afterData.push(tell)
    this.#hearOut(this.#data)
  }

  /** The supervisor says that a worker has ended. */
  ended(tell: () => void): void {
    const ended = this.#ended + 1
    this.onceRead(tell)
    this.admit(ended)
  }

  /** A worker says hello. @throws HandshakeError when there is no place for it */
  hello(hello: WorkerHello, connection: Connection, peer: AcceptedPeer, greet: () => void): void {
    const { runnerId, pool: poolName, maxConcurrency, heartbeatMs, reconnectMs, epoch } = this.#settings
    const known = this.#data
    if (hello.resume) {
      if (known?.generation !== hello.generation) throw new HandshakeError("there is no such line to go on with")
      known.accepted.check(hello.resume)
      greet()
      this.#addresses = { local: peer.localAddress, remote: peer.remoteAddress } // another network, maybe
      known.accepted.resume(connection, hello.resume)
      this.#handler.restored()
      return
    }
    const { generation } = hello
    const newest = this.#successor ?? known
    if (
      newest &&
      (generation < newest.generation || (generation === newest.generation && !newest.accepted.forgotten))
    ) {
      throw new HandshakeError(`runner ${runnerId} is connected already`)
    }
    const worker: WorkerLine = new WorkerLine(generation, {
      message: (m, session) => {
        if (m.t === "ready") this.#handler.ready(session, m.exports, m.calls)
        else this.#handler.fail(unpackError(m.error))
      },
      cut: () => {
        if (this.#data === worker) this.#cut(worker)
      },
      stalled: () => this.#host.tell({ t: "relink", generation }),
      closed: reason => {
        if (this.#successor === worker) this.#successor = undefined
        if (this.#data === worker) this.#closed(worker, reason)
      },
      callbackFailed: error => this.#handler.callbackFailed(error),
    })
    greet()
    this.#successor?.line.fail(new ConnectionError("another worker came"))
    this.#successor = worker
    this.#enter = () =>
      this.onceRead(() => {
        if (this.#successor === worker) this.#successor = undefined
        if (!connection.open || worker.line.over) return
        this.#data = worker
        this.#addresses = { local: peer.localAddress, remote: peer.remoteAddress }
        this.#handler.worker(({ module, source }) => {
          worker.welcome(connection, { module, source, maxConcurrency, poolName, heartbeatMs, reconnectMs, epoch })
        })
      })
    this.admit()
  }

  /** Ends the lines of all workers. Nobody hears more of them. */
  close(code: number, reason: FlameError): void {
    const lines = [this.#data?.line, this.#successor?.line]
    this.#data = undefined
    this.#successor = undefined
    for (const line of lines) line?.close(code, reason)
    this.#afterData = []
    this.#enter = undefined
    this.#lastWords?.stop()
  }

  /** The worker has ended: what is in its socket is read, and nobody waits for another connection. */
  #hearOut({ line }: WorkerLine): void {
    const end = () => line.fail(new ConnectionError("the worker has ended"))
    if (!line.up) end()
    else this.#lastWords ??= new LastWords(() => line.bytesRead, end)
  }

  #closed({ generation }: WorkerLine, reason: FlameError): void {
    this.#data = undefined
    this.#lastWords?.stop()
    this.#lastWords = undefined
    this.#handler.dataLost(reason, generation)
    while (!this.#data && this.#afterData.length > 0) this.#afterData.shift()?.()
    if (this.#data && this.#afterData.length > 0) this.#hearOut(this.#data) // the rest is of the worker that came after
    this.#host.down()
  }

  /**
   * A new worker is only started when the old one has ended, but may be here before that news: how it ended is what those who
   * wait for its answers are told, and what it served is over only then.
   * @param ended Workers of generations below this have ended. Left out: there is no news of that.
   */
  admit(ended = this.#ended): void {
    this.#ended = ended
    if (!this.#successor || this.#successor.generation > this.#ended) return
    const enter = this.#enter
    this.#enter = undefined
    enter?.()
  }

  /** The worker's connection is cut. It makes another, and hears from its supervisor that it should if it has not noticed. */
  #cut(data: WorkerLine): void {
    if (this.#afterData.length > 0) this.#hearOut(data)
    else this.#host.tell({ t: "relink", generation: data.generation })
    this.#host.down()
  }
}
