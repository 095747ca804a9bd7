/**
 * The two lines of one runner, as the parent sees them: who may open them, in which order, and what comes over them. Owns the
 * lines and the heartbeat; decides nothing about the runner's life.
 */
import { ConnectionError, type FlameError, HandshakeError, ProtocolError } from "../shared/errors.ts"
import { after, type LongTimer } from "../shared/timer.ts"
import type { Connection } from "../transport/connection.ts"
import { unpackError } from "../transport/failure.ts"
import { FencedError } from "../transport/fenced.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import {
  CloseCode,
  type DrainReason,
  type Incarnation,
  PROTOCOL_VERSION,
  parseControl,
  type SupervisorMessage,
  type ToSupervisorMessage,
  type WorkerMessage,
} from "../transport/protocol.ts"
import { AcceptedLine } from "./accepted-line.ts"
import { awaitHello, type GreetingHandler } from "./greeting.ts"
import { Heartbeat } from "./heartbeat.ts"
import { LastWords } from "./last-words.ts"
import type { LinkHandler, LinkSettings } from "./link-handler.ts"
import { WorkerSeat } from "./worker-seat.ts"

export type { LinkSettings } from "./link-handler.ts"

type SupervisorHello = SupervisorMessage & { t: "hello" }
type WorkerHello = WorkerMessage & { t: "hello" }

export class RunnerLink {
  readonly #settings: LinkSettings
  readonly #handler: LinkHandler
  #control: AcceptedLine | undefined
  /** The worker's side; a new one for each incarnation. */
  #seat: WorkerSeat
  /** The highest that has said hello. */
  #incarnation: Incarnation | undefined
  #heartbeat: Heartbeat | undefined
  /** While the supervisor cannot be reached: how long it may still come back. */
  #absence: LongTimer | undefined
  /** Its time does not count at present. */
  #held = false
  #drain: (ToSupervisorMessage & { t: "drain" }) | undefined
  /** Accepted, and their hello not heard yet. */
  readonly #strangers = new Set<Connection>()
  #onRead: (() => void) | undefined
  /** Of a runner whose end is waited for: nobody has seen it end, so that only its own goodbye or its long absence tells. */
  #alive = false
  #runnersLastWords: LastWords | undefined
  /** The job of the supervisor that spoke last. */
  #jobId = ""
  readonly #forgetLogs: (() => void) | undefined

  constructor(settings: LinkSettings, handler: LinkHandler) {
    this.#settings = settings
    this.#handler = handler
    this.#seat = this.#newSeat()
    this.#forgetLogs = settings.logs?.watch(log => this.#tell({ t: "listen", log }))
  }

  /** Both ends of the worker's socket, once it is up. */
  get addresses(): { local: string; remote: string } | undefined {
    return this.#seat.addresses
  }

  /** Whether what is sent to the worker now gets there now. A host that does not answer its heartbeats runs no worker either. */
  get up(): boolean {
    return this.#seat.up && this.#absence === undefined
  }

  /** Somebody is there to say what becomes of the runner. */
  get supervised(): boolean {
    return this.#control !== undefined && this.#absence === undefined
  }

  /** A peer that proved to have this runner's key. */
  accept(peer: AcceptedPeer): void {
    const handler: GreetingHandler = {
      hello: (hello, connection, greet, skewMs) => {
        this.#fence(hello.incarnation ?? 0, hello.resume !== undefined)
        if (peer.kind === "control") {
          this.#supervisor(hello as SupervisorHello, connection, greet)
          if (skewMs !== undefined) this.#handler.clock((hello as SupervisorHello).node, skewMs)
        } else this.#seat.hello(hello as WorkerHello, connection, peer, greet)
      },
      refused: why => this.#handler.refused(why, peer.remoteAddress),
      over: connection => this.#strangers.delete(connection),
    }
    this.#strangers.add(awaitHello(peer, this.#settings.runnerId, handler, this.#settings.epoch))
  }

  drain(reason: DrainReason, graceMs: number): void {
    // The worker may serve before the supervisor has its line: what that missed is said after its welcome.
    this.#drain = { t: "drain", reason, graceMs }
    this.#tell(this.#drain)
  }

  /** Tells how much is left of the walltime. */
  deadline(leftMs: number): void {
    this.#tell({ t: "deadline", leftMs: Math.round(leftMs) })
  }

  /** The answer to `ask`. */
  answer(runs: boolean): void {
    this.#tell({ t: "answer", runs })
  }

  /** The worker's line has ended: asks the supervisor to say what became of it, and to replace it if it lives. */
  resetWorker(generation: number): boolean {
    this.#tell({ t: "reset", generation })
    return this.#control !== undefined
  }

  /** The runner's processes stand still, by the scheduler's word, or do not any more: meanwhile it is not given up for its silence. */
  hold(held: boolean): void {
    if (this.#held === held) return
    this.#held = held
    if (!this.#absence) return
    this.#absence.stop()
    if (!held) this.#await(new ConnectionError("it was suspended, and did not come back"))
  }

  /**
   * Calls `tell` when everything the runner sent has been read: its processes are gone, but what they said last may still be
   * in the sockets. A node that lost its power closes none, so this ends as well when nothing more arrives.
   * @param alive The scheduler has given up the node and not seen the processes end: they are told to, and as long as they can be
   * reached, or might be, they are not taken for dead.
   */
  onceRead(tell: () => void, alive = false): void {
    this.#onRead = tell
    this.#runnersLastWords?.stop()
    this.#alive = alive
    if (alive) {
      this.#tell({ t: "drain", reason: "node-fail", graceMs: 0 })
      this.#readWhenDown()
      return
    }
    this.#heartbeat?.stop() // its answers are no words
    this.#runnersLastWords?.stop()
    this.#runnersLastWords = new LastWords(
      () => (this.#control?.line.bytesRead ?? 0) + this.#seat.bytesRead,
      () => this.#read(),
    )
    this.#readWhenDown()
  }

  /** What ran in the job is over or is not wanted any more: ends its lines, and waits for those of another incarnation. */
  vacate(): void {
    const reason = new FencedError("the job is being started anew")
    const control = this.#control
    this.#control = undefined
    this.#heartbeat?.stop()
    this.#absence?.stop()
    this.#absence = undefined
    this.#onRead = undefined
    this.#runnersLastWords?.stop()
    this.#runnersLastWords = undefined
    this.#held = false
    this.#drain = undefined
    // What ran there may come again when its network does: it is not taken for the one that is to come.
    this.#incarnation = (this.#incarnation ?? 0) + 1
    const seat = this.#seat
    this.#seat = this.#newSeat()
    control?.line.close(CloseCode.fenced, reason)
    seat.close(CloseCode.fenced, reason)
  }

  /** Ends both lines. The handler hears no more. */
  close(reason: FlameError): void {
    this.#forgetLogs?.()
    this.#heartbeat?.stop()
    this.#absence?.stop()
    const control = this.#control
    this.#control = undefined
    control?.line.close(CloseCode.bye, reason)
    this.#seat.close(CloseCode.bye, reason)
    for (const connection of [...this.#strangers]) connection.abort(reason)
    this.#onRead = undefined
    this.#runnersLastWords?.stop()
  }

  #tell(message: ToSupervisorMessage): void {
    this.#control?.line.send(JSON.stringify(message))
  }

  #newSeat(): WorkerSeat {
    return new WorkerSeat(this.#settings, this.#handler, {
      tell: message => this.#tell(message),
      down: () => this.#readWhenDown(),
    })
  }

  #read(): void {
    this.#runnersLastWords?.stop()
    const tell = this.#onRead
    this.#onRead = undefined
    tell?.()
  }

  /** The runner is known to have ended, and nobody is there to say more. */
  #readWhenDown(): void {
    if (!this.#onRead) return
    const down = this.#alive ? this.#control === undefined : !this.#control?.line.up && !this.#seat.up
    if (down) this.#read()
  }

  #supervisor(hello: SupervisorHello, connection: Connection, greet: () => void): void {
    const { heartbeatMs, silenceMs, orphanGraceMs, unlinkedGraceMs, reconnectMs } = this.#settings
    const { leaseMs = 0, epoch, logs } = this.#settings
    const known = this.#control
    if (known && hello.resume) {
      known.check(hello.resume)
      greet()
      known.resume(connection, hello.resume)
      this.#reachable(connection)
      return
    }
    if (hello.resume) throw new HandshakeError("there is no such line to go on with")
    if (known && !known.forgotten) throw new HandshakeError(`runner ${hello.runnerId} is connected already`)
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
    const times = { heartbeatMs, silenceMs, orphanGraceMs, unlinkedGraceMs, reconnectMs, leaseMs }
    connection.tell({ t: "welcome", v: PROTOCOL_VERSION, line: accepted.name, ...times, log: !!logs?.wanted, epoch })
    accepted.line.attach(connection, 0)
    this.#reachable(connection)
    this.#handler.hello(hello)
    this.#seat.admit(hello.generation) // which may have been faster
    if (this.#drain) this.#tell(this.#drain)
  }

  #reachable(connection: Connection): void {
    const { heartbeatMs, silenceMs } = this.#settings
    this.#absence?.stop()
    this.#absence = undefined
    this.#heartbeat?.stop()
    if (this.#runnersLastWords) return
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
    this.#heartbeat?.stop()
    this.#held = false
    this.#await(reason)
    this.#handler.unreachable(reason)
    this.#readWhenDown()
  }

  #await(reason: FlameError): void {
    const { reconnectMs } = this.#settings
    this.#absence?.stop()
    this.#absence = after(reconnectMs, () => {
      this.#control?.line.fail(new ConnectionError(`${reason.message}, and the runner was away for ${reconnectMs} ms`))
    })
  }

  #controlClosed(reason: FlameError): void {
    this.#control = undefined
    this.#heartbeat?.stop()
    this.#absence?.stop()
    // In the order in which things happened: a goodbye that waits for the data explains this loss.
    this.#seat.inOrder(() => this.#handler.controlLost(reason))
    this.#readWhenDown()
  }

  #onSupervisor(m: SupervisorMessage): void {
    switch (m.t) {
      case "hello":
        throw new ProtocolError("a second hello")
      case "log":
        this.#settings.logs?.lines(this.#settings.runnerId, this.#jobId, m.stream, m.lines)
        return
      case "ask":
        this.#handler.ask(m.signalled)
        return
      case "draining":
        this.#handler.draining(m.reason, m.leftMs)
        return
      case "worker-exit":
        this.#seat.ended(() => this.#handler.workerExit(m))
        return
      case "fail":
        this.#handler.fail(unpackError(m.error))
        return
      case "bye":
        this.#seat.onceRead(() => this.#handler.bye(m.reason, m.cut))
        return
    }
  }

  /**
   * Whoever says hello for a later incarnation of the runner is the runner from now on; an earlier one never is again.
   * @throws FencedError for an earlier one
   */
  #fence(incarnation: Incarnation, resumes: boolean): void {
    const newest = this.#incarnation ?? 0
    if (incarnation < newest) {
      throw new FencedError(`the job was started anew: this is incarnation ${incarnation}, ${newest} is the runner`)
    }
    if (incarnation === newest && this.#incarnation !== undefined) return
    if (resumes) throw new HandshakeError("there is no such line to go on with")
    if (this.#incarnation !== undefined) this.#handler.reborn()
    this.#incarnation = incarnation
  }
}
