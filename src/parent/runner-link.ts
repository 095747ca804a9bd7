/**
 * The two lines of one runner, as the parent sees them: who may open them, in which order, and what comes over them. Owns the
 * lines and the heartbeat; decides nothing about the runner's life.
 */
import { ConnectionError, type FlameError, HandshakeError, ProtocolError } from "../shared/errors.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import type { Connection } from "../transport/connection.ts"
import { unpackError } from "../transport/failure.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import {
  CloseCode,
  type DrainReason,
  PROTOCOL_VERSION,
  parseControl,
  type SupervisorMessage,
  type ToSupervisorMessage,
  type WorkerMessage,
} from "../transport/protocol.ts"
import { AcceptedLine } from "./accepted-line.ts"
import { awaitHello } from "./greeting.ts"
import { Heartbeat } from "./heartbeat.ts"
import { LastWords } from "./last-words.ts"
import type { LinkHandler, LinkSettings } from "./link-handler.ts"
import { WorkerLine } from "./worker-line.ts"

export type { LinkSettings } from "./link-handler.ts"

type SupervisorHello = SupervisorMessage & { t: "hello" }
type WorkerHello = WorkerMessage & { t: "hello" }

export class RunnerLink {
  readonly #settings: LinkSettings
  readonly #handler: LinkHandler
  #control: AcceptedLine | undefined
  #data: WorkerLine | undefined
  #heartbeat: Heartbeat | undefined
  /** While the supervisor cannot be reached: how long it may still come back. */
  #absence: LongTimer | undefined
  #drain: (ToSupervisorMessage & { t: "drain" }) | undefined
  /** A new worker, while the end of the one before it is not heard of yet, or its last words are still being read. */
  #successor: WorkerLine | undefined
  /** Lets the successor in. */
  #enter: (() => void) | undefined
  /** Workers of generations below this are known to have ended: the supervisor tells each end, in their order. */
  #ended = 0
  /** Accepted, and their hello not heard yet. */
  readonly #strangers = new Set<Connection>()
  /** What happened to a worker whose last words may still be on their way, and since. */
  #afterData: (() => void)[] = []
  #workersLastWords: LastWords | undefined
  #onRead: (() => void) | undefined
  #runnersLastWords: LastWords | undefined
  /** The job of the supervisor that spoke last. */
  #jobId = ""
  readonly #forgetLogs: (() => void) | undefined
  #addresses: { local: string; remote: string } | undefined

  constructor(settings: LinkSettings, handler: LinkHandler) {
    this.#settings = settings
    this.#handler = handler
    this.#forgetLogs = settings.logs?.watch(log => this.#tell({ t: "listen", log }))
  }

  /** Both ends of the worker's socket, once it is up. */
  get addresses(): { local: string; remote: string } | undefined {
    return this.#addresses
  }

  /** Whether what is sent to the worker now gets there now. A host that does not answer its heartbeats runs no worker either. */
  get up(): boolean {
    return this.#data?.line.up === true && this.#absence === undefined
  }

  /** Somebody is there to say what becomes of the runner. */
  get supervised(): boolean {
    return this.#control !== undefined && this.#absence === undefined
  }

  /** A peer that proved to have this runner's key. */
  accept(peer: AcceptedPeer): void {
    const stranger = awaitHello(peer, this.#settings.runnerId, {
      hello: (hello, connection, greet) => {
        if (peer.kind === "control") this.#supervisor(hello as SupervisorHello, connection, greet)
        else this.#worker(hello as WorkerHello, connection, peer, greet)
      },
      refused: why => this.#handler.refused(why, peer.remoteAddress),
      over: connection => this.#strangers.delete(connection),
    })
    this.#strangers.add(stranger)
  }

  drain(reason: DrainReason, graceMs: number): void {
    // The worker may serve before the supervisor has its line: what that missed is said after its welcome.
    this.#drain = { t: "drain", reason, graceMs }
    this.#tell(this.#drain)
  }

  deadline(endsAt: number): void {
    this.#tell({ t: "deadline", endsAt })
  }

  /** The worker's line has ended: asks the supervisor to say what became of it, and to replace it if it lives. */
  resetWorker(generation: number): boolean {
    this.#tell({ t: "reset", generation })
    return this.#control !== undefined
  }

  /**
   * Calls `tell` when everything the runner sent has been read: its processes are gone, but what they said last may still be
   * in the sockets. A node that lost its power closes none, so this ends as well when nothing more arrives.
   */
  onceRead(tell: () => void): void {
    this.#onRead = tell
    this.#heartbeat?.stop() // its answers are no words
    this.#runnersLastWords?.stop()
    this.#runnersLastWords = new LastWords(
      () => (this.#control?.line.bytesRead ?? 0) + (this.#data?.line.bytesRead ?? 0),
      () => this.#read(),
    )
    this.#readWhenDown()
  }

  /** Ends both lines. The handler hears no more. */
  close(reason: FlameError): void {
    this.#forgetLogs?.()
    this.#heartbeat?.stop()
    this.#absence?.stop()
    const lines = [this.#control?.line, this.#data?.line, this.#successor?.line]
    this.#control = undefined
    this.#data = undefined
    this.#successor = undefined
    for (const line of lines) line?.close(CloseCode.bye, reason)
    for (const connection of [...this.#strangers]) connection.abort(reason)
    this.#afterData = []
    this.#enter = undefined
    this.#workersLastWords?.stop()
    this.#onRead = undefined
    this.#runnersLastWords?.stop()
  }

  #tell(message: ToSupervisorMessage): void {
    this.#control?.line.send(JSON.stringify(message))
  }

  #read(): void {
    this.#runnersLastWords?.stop()
    const tell = this.#onRead
    this.#onRead = undefined
    tell?.()
  }

  /** The runner is known to have ended, and nobody is there to say more. */
  #readWhenDown(): void {
    if (this.#onRead && !this.#control?.line.up && !this.#data?.line.up) this.#read()
  }

  #supervisor(hello: SupervisorHello, connection: Connection, greet: () => void): void {
    const { runnerId, heartbeatMs, silenceMs, orphanGraceMs, unlinkedGraceMs, reconnectMs, logs } = this.#settings
    const known = this.#control
    if (known && hello.resume) {
      known.check(hello.resume)
      greet()
      known.resume(connection, hello.resume)
      this.#reachable(connection)
      return
    }
    if (hello.resume) throw new HandshakeError("there is no such line to go on with")
    if (known && !known.forgotten) throw new HandshakeError(`runner ${runnerId} is connected already`)
    const accepted: AcceptedLine = new AcceptedLine({
      text: data => this.#onSupervisor(parseControl(data, "control") as SupervisorMessage),
      binary() {
        throw new ProtocolError("a binary message on the control line")
      },
      writable() {},
      detached: reason => {
        if (this.#control === accepted) this.#unreachable(reason)
      },
      closed: reason => {
        if (this.#control === accepted) this.#controlClosed(reason)
      },
    })
    this.#control = accepted
    known?.line.fail(new ConnectionError("the runner began anew"))
    greet()
    this.#jobId = hello.jobId
    const times = { heartbeatMs, silenceMs, orphanGraceMs, unlinkedGraceMs, reconnectMs }
    const log = logs?.wanted ?? false
    connection.tell({ t: "welcome", v: PROTOCOL_VERSION, line: accepted.name, ...times, log })
    accepted.line.attach(connection, 0)
    this.#reachable(connection)
    this.#handler.hello(hello)
    if (this.#drain) this.#tell(this.#drain)
  }

  #reachable(connection: Connection): void {
    const { heartbeatMs, silenceMs } = this.#settings
    this.#absence?.stop()
    this.#absence = undefined
    this.#heartbeat?.stop()
    if (this.#onRead) return
    this.#heartbeat = new Heartbeat(connection, {
      intervalMs: heartbeatMs,
      silenceMs,
      idle: () => this.#handler.idle(),
      dead: () => connection.abort(new ConnectionError(`no answer to three heartbeats of ${heartbeatMs} ms`)),
    })
    this.#handler.reachable()
  }

  /** The supervisor's connection is cut. It may come back, and the worker works on. */
  #unreachable(reason: FlameError): void {
    const { reconnectMs } = this.#settings
    this.#heartbeat?.stop()
    this.#absence?.stop()
    this.#absence = after(reconnectMs, () => {
      this.#control?.line.fail(new ConnectionError(`${reason.message}, and the runner was away for ${reconnectMs} ms`))
    })
    this.#handler.unreachable(reason)
    this.#readWhenDown()
  }

  #controlClosed(reason: FlameError): void {
    this.#control = undefined
    this.#heartbeat?.stop()
    this.#absence?.stop()
    // In the order in which things happened: a goodbye that waits for the data explains this loss.
    if (this.#afterData.length > 0) this.#afterData.push(() => this.#handler.controlLost(reason))
    else this.#handler.controlLost(reason)
    this.#readWhenDown()
  }

  #onSupervisor(m: SupervisorMessage): void {
    switch (m.t) {
      case "hello":
        throw new ProtocolError("a second hello")
      case "log":
        this.#settings.logs?.lines(this.#settings.runnerId, this.#jobId, m.stream, m.lines)
        return
      case "draining":
        this.#handler.draining(m.reason, m.leftMs)
        return
      case "worker-exit":
        this.#ended += 1
        this.#onceDataIsRead(() => this.#handler.workerExit(m))
        this.#admit()
        return
      case "fail":
        this.#handler.fail(unpackError(m.error))
        return
      case "bye":
        this.#onceDataIsRead(() => this.#handler.bye(m.reason, m.cut))
        return
    }
  }

  /** The two sockets have no order between them: what a worker sent before it ended may arrive after the news of its end. */
  #onceDataIsRead(tell: () => void): void {
    if (!this.#data) {
      tell()
      return
    }
    this.#afterData.push(tell)
    this.#hearOut(this.#data)
  }

  /** The worker has ended: what is in its socket is read, and nobody waits for another connection. */
  #hearOut({ line }: WorkerLine): void {
    const end = () => line.fail(new ConnectionError("the worker has ended"))
    if (!line.up) end()
    else this.#workersLastWords ??= new LastWords(() => line.bytesRead, end)
  }

  #dataClosed({ generation }: WorkerLine, reason: FlameError): void {
    this.#data = undefined
    this.#workersLastWords?.stop()
    this.#workersLastWords = undefined
    this.#handler.dataLost(reason, generation)
    while (!this.#data && this.#afterData.length > 0) this.#afterData.shift()?.()
    if (this.#data && this.#afterData.length > 0) this.#hearOut(this.#data) // the rest is of the worker that came after
    this.#readWhenDown()
  }

  #worker(hello: WorkerHello, connection: Connection, peer: AcceptedPeer, greet: () => void): void {
    const { runnerId, pool, maxConcurrency, heartbeatMs, reconnectMs } = this.#settings
    const known = this.#data
    if (hello.resume) {
      if (known?.generation !== hello.generation) throw new HandshakeError("there is no such line to go on with")
      known.accepted.check(hello.resume)
      greet()
      this.#addresses = { local: peer.localAddress, remote: peer.remoteAddress } // another network, maybe
      known.accepted.resume(connection, hello.resume)
      return this.#handler.restored()
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
        if (m.t === "ready") this.#handler.ready(session, m.exports)
        else this.#handler.fail(unpackError(m.error))
      },
      cut: () => {
        if (this.#data === worker) this.#dataCut(worker)
      },
      stalled: () => this.#tell({ t: "relink", generation }),
      closed: reason => {
        if (this.#successor === worker) this.#successor = undefined
        if (this.#data === worker) this.#dataClosed(worker, reason)
      },
      callbackFailed: error => this.#handler.callbackFailed(error),
    })
    greet()
    this.#successor?.line.fail(new ConnectionError("another worker came"))
    this.#successor = worker
    this.#enter = () =>
      this.#onceDataIsRead(() => {
        if (this.#successor === worker) this.#successor = undefined
        if (!connection.open || worker.line.over) return
        this.#data = worker
        this.#addresses = { local: peer.localAddress, remote: peer.remoteAddress }
        this.#handler.worker(({ module, source }) => {
          worker.welcome(connection, { module, source, maxConcurrency, poolName: pool, heartbeatMs, reconnectMs })
        })
      })
    this.#admit()
  }

  /**
   * A new worker is only started when the old one has ended, but may be here before that news: how it ended is what those who
   * wait for its answers are told, and what it served is over only then.
   */
  #admit(): void {
    if (!this.#successor || this.#successor.generation > this.#ended) return
    const enter = this.#enter
    this.#enter = undefined
    enter?.()
  }

  /** The worker's connection is cut. It makes another, and hears from its supervisor that it should if it has not noticed. */
  #dataCut(data: WorkerLine): void {
    if (this.#afterData.length > 0) this.#hearOut(data)
    else this.#tell({ t: "relink", generation: data.generation })
    this.#readWhenDown()
  }
}
