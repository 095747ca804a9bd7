/**
 * A channel as a Comlink Endpoint, with the guards that Comlink lacks on a network: every request it sends settles, no
 * message makes it throw in the wrong place, and its release messages end the channel. Comlink itself is used as it is.
 */
import { type FlameError, ProtocolError } from "../shared/errors.ts"
import { KeepAlive } from "../shared/keep-alive.ts"
import type { Channel } from "./channel.ts"
import {
  asksForSymbol,
  type ComlinkMessage,
  isHarmless,
  isId,
  isRequest,
  requestProblem,
  setProblem,
  smuggles,
  wireProblem,
} from "./comlink-guard.ts"
import { lowerError } from "./remote-error.ts"
import { Scope } from "./scope.ts"
import { withTransferList } from "./transfer.ts"

type Listener = ((event: { data: unknown }) => void) | { handleEvent(event: { data: unknown }): void }

export class ComlinkPort {
  readonly #channel: Channel
  readonly #pinned: boolean
  readonly #served: object | undefined
  readonly #listeners = new Set<Listener>()
  /** Requests without an answer, with what was opened for their arguments. */
  readonly #pending = new Map<string | number, Scope>()
  /** A program that awaits a remote object is not over. (A call on the root is held by its slot.) */
  readonly #keepAlive = new KeepAlive()

  /**
   * @param pinned The channel outlives its proxies: a RELEASE of the last collected one must not end what is served.
   * @param served What Comlink exposes here, if it does.
   */
  constructor(channel: Channel, pinned = false, served?: object) {
    this.#channel = channel
    this.#pinned = pinned
    this.#served = served
    channel.receive((message, adopted) => this.#onMessage(message as ComlinkMessage, adopted))
    channel.onClose(reason => this.#fail(reason))
  }

  /** @param list Its ArrayBuffers are moved, not copied, as on a MessagePort. */
  postMessage(message: unknown, list?: readonly unknown[]): void {
    const m = (typeof message === "object" && message !== null ? message : {}) as ComlinkMessage
    if (!isId(m.id) || !isRequest(m)) {
      withTransferList(list, () => this.#channel.send(message)) // an answer, or the user's own protocol
      return
    }
    if (asksForSymbol(m)) return
    const { id } = m
    if (m.type === "RELEASE" && this.#pinned) {
      queueMicrotask(() => this.#dispatch({ id, type: "RAW", value: undefined }))
      return
    }
    const { closed } = this.#channel
    if (closed) {
      queueMicrotask(() => this.#answerLocally(id, closed))
      return
    }
    // A plain function is over with its request; one that is assigned would have to outlive it, which takes a proxy().
    const scope = new Scope(m.type !== "SET")
    this.#pending.set(id, scope)
    this.#keepAlive.set(true)
    try {
      withTransferList(list, () => this.#channel.send(message, scope))
    } catch (error) {
      this.#forget(id) // Comlink rejects the call with what is thrown here
      throw error
    }
    // Comlink 4.4.2 waits for this answer in a map of its own and never closes anything.
    if (m.type === "RELEASE") this.#channel.close(new ProtocolError("the proxy was released"))
  }

  addEventListener(type: string, listener: Listener): void {
    if (type === "message") this.#listeners.add(listener)
  }

  removeEventListener(type: string, listener: Listener): void {
    if (type === "message") this.#listeners.delete(listener)
  }

  /** Messages flow from the first listener on; there is nothing to start. */
  start(): void {}

  close(): void {
    if (!this.#pinned) this.#channel.close(new ProtocolError("the endpoint was closed"))
  }

  #onMessage(message: ComlinkMessage, adopted: Scope): void {
    if (typeof message === "function") throw new ProtocolError("a remote object where a message must be")
    if (typeof message === "object" && message !== null) {
      if (smuggles(message)) throw new ProtocolError("a message with a prototype in it")
      if (isRequest(message)) {
        if (!this.#admits(message)) return
      } else if (message.argumentList !== undefined || (Array.isArray(message.path) && !isId(message.id))) {
        // Comlink looks into it before it looks at the type.
        throw new ProtocolError("arguments outside of a request")
      } else if (!isHarmless(message.path)) {
        throw new ProtocolError("a path outside of a request")
      } else if (isId(message.id)) {
        this.#settled(message.id, adopted)
        const problem = message.type === "HANDLER" ? wireProblem(message) : undefined
        if (problem) return this.#answerLocally(message.id, problem)
      }
    }
    this.#dispatch(message)
  }

  /** False: the request was answered here. @throws ProtocolError when nobody could be answered. */
  #admits(request: ComlinkMessage): boolean {
    const { id } = request
    if (!isId(id)) throw new ProtocolError("a request has no id")
    const problem = requestProblem(request) ?? this.#writeProblem(request)
    if (problem) this.#channel.send({ id, type: "HANDLER", name: "throw", value: lowerError(problem) })
    else if (request.type === "RELEASE" && this.#pinned) this.#channel.send({ id, type: "RAW", value: undefined })
    else return true
    return false
  }

  #writeProblem({ type, path = [] }: ComlinkMessage): FlameError | undefined {
    return type === "SET" && this.#served ? setProblem(this.#served, path as string[]) : undefined
  }

  /** A request has its answer: what its arguments opened is over, once the streams in the answer are. */
  #settled(id: string | number, adopted: Scope): void {
    const scope = this.#pending.get(id)
    if (!scope) return
    this.#forget(id)
    const over = () => scope.closeCalls(settled)
    if (!adopted.onOver(over)) over()
  }

  #forget(id: string | number): void {
    if (this.#pending.delete(id)) this.#keepAlive.set(this.#pending.size > 0)
  }

  #dispatch(data: unknown): void {
    for (const listener of [...this.#listeners]) {
      if (typeof listener === "function") listener({ data })
      else listener.handleEvent({ data })
    }
  }

  /** Comlink only ever settles on a message, so the end of the channel has to look like one. */
  #answerLocally(id: string | number, reason: FlameError): void {
    this.#forget(id)
    this.#dispatch({ id, type: "HANDLER", name: "throw", value: lowerError(reason) })
  }

  #fail(reason: FlameError): void {
    for (const [id, scope] of [...this.#pending]) {
      scope.closeAll(reason)
      this.#answerLocally(id, reason)
    }
    this.#keepAlive.end()
  }
}

/** Not an error anybody sees: the reason with which a settled request's callbacks are closed. */
const settled = new ProtocolError("the call that this belonged to has settled")
