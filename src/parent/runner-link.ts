/**
 * The two connections of one runner, as the parent sees them: who may open them, in which order, and what comes over them.
 * Owns the connections and the heartbeat; decides nothing about the runner's life.
 */
import { ConnectionError, type FlameError, HandshakeError, ProtocolError } from "../shared/errors.ts"
import { after } from "../shared/timer.ts"
import { Connection } from "../transport/connection.ts"
import { unpackError } from "../transport/failure.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import {
  CloseCode,
  type ControlMessage,
  type DrainReason,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type ToSupervisorMessage,
  type WorkerMessage,
} from "../transport/protocol.ts"
import { Session } from "../transport/session.ts"
import { Heartbeat } from "./heartbeat.ts"
import { LastWords } from "./last-words.ts"
import type { LinkHandler, LinkSettings } from "./link-handler.ts"

export type { LinkSettings } from "./link-handler.ts"

/** From the accepted connection to the hello. A runner says it at once, unless its node is very busy. */
const HELLO_MS = 30_000

export class RunnerLink {
  readonly #settings: LinkSettings
  readonly #handler: LinkHandler
  #control: Connection | undefined
  #data: Connection | undefined
  #heartbeat: Heartbeat | undefined
  #drain: (ToSupervisorMessage & { t: "drain" }) | undefined
  #generation = -1
  /** A new worker, while the last words of the one before it are still being read. */
  #successor: { connection: Connection; generation: number } | undefined
  /** Accepted, and their hello not heard yet. */
  readonly #strangers = new Set<Connection>()
  /** What happened to a worker whose last words may still be on their way, and since. */
  #afterData: (() => void)[] = []
  #workersLastWords: LastWords | undefined
  #onRead: (() => void) | undefined
  #runnersLastWords: LastWords | undefined
  #addresses: { local: string; remote: string } | undefined

  constructor(settings: LinkSettings, handler: LinkHandler) {
    this.#settings = settings
    this.#handler = handler
  }

  /** Both ends of the worker's socket, once it is up. */
  get addresses(): { local: string; remote: string } | undefined {
    return this.#addresses
  }

  /** A peer that proved to have this runner's key. */
  accept(peer: AcceptedPeer): void {
    if (peer.kind === "control") this.#acceptControl(peer)
    else this.#acceptData(peer)
  }

  drain(reason: DrainReason, graceMs: number): void {
    // The worker may serve before the supervisor has its line: what that missed is said after its welcome.
    this.#drain = { t: "drain", reason, graceMs }
    this.#control?.send(this.#drain)
  }

  deadline(endsAt: number): void {
    this.#control?.send({ t: "deadline", endsAt })
  }

  /** The worker's socket is gone: asks the supervisor to say what became of it, and to replace it if it lives. */
  resetWorker(): boolean {
    this.#control?.send({ t: "reset", generation: this.#generation })
    return this.#control !== undefined
  }

  /**
   * Calls `tell` when everything the runner sent has been read: its processes are gone, but what they said last may still be
   * in the sockets. A node that lost its power closes none, so this ends as well when nothing more arrives.
   */
  onceRead(tell: () => void): void {
    if (!this.#control && !this.#data) {
      tell()
      return
    }
    this.#onRead = tell
    this.#heartbeat?.stop() // its answers are no words
    this.#runnersLastWords?.stop()
    this.#runnersLastWords = new LastWords(
      () => (this.#control?.bytesRead ?? 0) + (this.#data?.bytesRead ?? 0),
      () => this.#read(),
    )
  }

  #read(): void {
    this.#runnersLastWords?.stop()
    const tell = this.#onRead
    this.#onRead = undefined
    tell?.()
  }

  /** Ends both connections. The handler hears no more. */
  close(reason: FlameError): void {
    this.#heartbeat?.stop()
    const [control, data] = [this.#control, this.#data]
    this.#control = undefined
    this.#data = undefined
    control?.close(CloseCode.bye, reason)
    data?.close(CloseCode.bye, reason)
    this.#successor?.connection.close(CloseCode.bye, reason)
    for (const connection of [...this.#strangers]) connection.abort(reason)
    this.#afterData = []
    this.#workersLastWords?.stop()
    this.#onRead = undefined
    this.#runnersLastWords?.stop()
  }

  #acceptControl(peer: AcceptedPeer): void {
    const { runnerId, heartbeatMs, silenceMs, orphanGraceMs } = this.#settings
    let greeted = false
    const connection = new Connection(peer.ws, "control", false, {
      control: (message: ControlMessage) => {
        const m = message as SupervisorMessage
        if (greeted) {
          if (m.t === "hello") throw new ProtocolError("a second hello")
          this.#onSupervisor(m)
          return
        }
        if (m.t !== "hello") throw new ProtocolError(`"${m.t}" before the hello`)
        this.#checkHello(m)
        if (this.#control) throw new HandshakeError(`runner ${runnerId} is connected already`)
        greeted = true
        this.#strangers.delete(connection)
        this.#control = connection
        peer.greeted()
        connection.greet()
        connection.send({ t: "welcome", v: PROTOCOL_VERSION, heartbeatMs, silenceMs, orphanGraceMs })
        this.#heartbeat = new Heartbeat(connection, heartbeatMs, () => {
          connection.abort(new ConnectionError(`no answer to three heartbeats of ${heartbeatMs} ms`))
        })
        this.#handler.hello(m)
        if (this.#drain) connection.send(this.#drain)
      },
      frame() {
        throw new ProtocolError("a frame on the control socket")
      },
      closed: reason => {
        if (!greeted) this.#handler.refused(reason.message, peer.remoteAddress)
        this.#strangers.delete(connection)
        if (this.#control !== connection) return
        this.#control = undefined
        this.#heartbeat?.stop()
        // In the order in which things happened: a goodbye that waits for the data explains this loss.
        if (this.#afterData.length > 0) this.#afterData.push(() => this.#handler.controlLost(reason))
        else this.#handler.controlLost(reason)
        if (!this.#data) this.#read()
      },
    })
    this.#awaitHello(connection)
  }

  /** A peer has the key, but whether it speaks is another matter. */
  #awaitHello(connection: Connection): void {
    this.#strangers.add(connection)
    after(HELLO_MS, () => {
      if (this.#strangers.has(connection)) connection.abort(new HandshakeError(`no hello within ${HELLO_MS} ms`))
    }).unref()
  }

  #onSupervisor(m: Exclude<SupervisorMessage, { t: "hello" }>): void {
    switch (m.t) {
      case "draining":
        this.#handler.draining(m.reason, m.leftMs)
        return
      case "worker-exit":
        this.#onceDataIsRead(() => this.#handler.workerExit(m))
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

  #hearOut(data: Connection): void {
    this.#workersLastWords ??= new LastWords(
      () => data.bytesRead,
      () => data.abort(new ConnectionError("the worker has ended")),
    )
  }

  #dataClosed(reason: FlameError): void {
    this.#data = undefined
    this.#workersLastWords?.stop()
    this.#workersLastWords = undefined
    this.#handler.dataLost(reason)
    while (!this.#data && this.#afterData.length > 0) this.#afterData.shift()?.()
    if (this.#data && this.#afterData.length > 0) this.#hearOut(this.#data) // the rest is of the worker that came after
    if (!this.#control && !this.#data) this.#read()
  }

  #acceptData(peer: AcceptedPeer): void {
    const { runnerId, pool, maxConcurrency } = this.#settings
    let greeted = false
    const connection = new Connection(peer.ws, "data", false, {
      control: (message: ControlMessage) => {
        const m = message as WorkerMessage
        if (greeted) {
          this.#onWorker(m, session)
          return
        }
        if (m.t !== "hello") throw new ProtocolError(`"${m.t}" before the hello`)
        this.#checkHello(m)
        const { generation } = m
        if (generation <= (this.#successor?.generation ?? this.#generation)) {
          throw new HandshakeError(`runner ${runnerId} is connected already`)
        }
        greeted = true
        this.#strangers.delete(connection)
        this.#successor = { connection, generation }
        peer.greeted()
        connection.greet()
        // A new worker is only started when the old one has ended, whether or not its end was heard of here.
        this.#onceDataIsRead(() => {
          if (this.#successor?.connection === connection) this.#successor = undefined
          if (!connection.open) return
          this.#data = connection
          this.#generation = generation
          this.#addresses = { local: peer.localAddress, remote: peer.remoteAddress }
          this.#handler.worker(({ module, source }) => {
            connection.send({ t: "welcome", v: PROTOCOL_VERSION, module, source, maxConcurrency, poolName: pool })
          })
        })
      },
      frame: frame => session.receive(frame),
      closed: reason => {
        if (!greeted) this.#handler.refused(reason.message, peer.remoteAddress)
        this.#strangers.delete(connection)
        if (this.#successor?.connection === connection) this.#successor = undefined
        if (this.#data === connection) this.#dataClosed(reason)
      },
    })
    this.#awaitHello(connection)
    const session = new Session("parent", {
      sendFrame: (channel, json, rich, parts) => connection.sendFrame(channel, json, rich, parts),
      sendClose: channel => connection.send({ t: "close", channel }),
      callbackFailed: error => this.#handler.callbackFailed(error),
    })
  }

  #onWorker(m: WorkerMessage, session: Session): void {
    switch (m.t) {
      case "hello":
        throw new ProtocolError("a second hello")
      case "ready":
        this.#handler.ready(session, m.exports)
        return
      case "fail":
        this.#handler.fail(unpackError(m.error))
        return
      case "close":
        session.peerClosed(m.channel)
        return
    }
  }

  #checkHello(hello: { v: number; runnerId: string }): void {
    if (hello.v !== PROTOCOL_VERSION) {
      throw new HandshakeError(`the runner speaks protocol ${hello.v}, this parent ${PROTOCOL_VERSION}`, {
        hint: "parent and runner must use the same version of slurm-flame",
      })
    }
    // The key proved who this is; a hello may not claim to be somebody else.
    if (hello.runnerId !== this.#settings.runnerId) {
      throw new HandshakeError(`the key of ${this.#settings.runnerId} was used to claim ${hello.runnerId}`)
    }
  }
}
