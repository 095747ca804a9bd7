/**
 * A channel as a Comlink Endpoint, with the guards that Comlink lacks on a network: every request it sends settles, no
 * message makes it throw in the wrong place, and its release messages end the channel. Comlink itself is used as it is.
 */
import { transferHandlers } from "comlink"
import { type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import type { WireValue } from "./protocol.ts"
import { lowerError } from "./remote-error.ts"

type Listener = ((event: { data: unknown }) => void) | { handleEvent(event: { data: unknown }): void }

interface ComlinkMessage {
  id?: string | number
  type?: string
  name?: string
  path?: string[]
  argumentList?: WireValue[]
  value?: WireValue
}

const REQUESTS = new Set(["GET", "SET", "APPLY", "CONSTRUCT", "ENDPOINT", "RELEASE"])
/** Names through which any object leads to `Function` or to a shared prototype. */
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype", "__defineGetter__", "__defineSetter__"])

export class ComlinkPort {
  readonly #channel: Channel
  readonly #pinned: boolean
  readonly #listeners = new Set<Listener>()
  readonly #pending = new Set<string | number>()

  /** @param pinned The channel outlives its proxies: a RELEASE of the last collected one must not end what is served. */
  constructor(channel: Channel, pinned = false) {
    this.#channel = channel
    this.#pinned = pinned
    channel.receive(message => this.#onMessage(message as ComlinkMessage))
    channel.onClose(reason => this.#fail(reason))
  }

  postMessage(message: unknown, _transfer?: readonly unknown[]): void {
    const m = (typeof message === "object" && message !== null ? message : {}) as ComlinkMessage
    if (m.id === undefined || m.type === undefined || !REQUESTS.has(m.type)) {
      this.#channel.send(message) // an answer, or the user's own protocol
      return
    }
    const { id } = m
    if (m.type === "RELEASE" && this.#pinned) {
      queueMicrotask(() => this.#dispatch({ id, type: "RAW", value: undefined }))
      return
    }
    this.#pending.add(id)
    if (this.#channel.closed) {
      const reason = this.#channel.closed
      queueMicrotask(() => this.#answerLocally(id, reason))
      return
    }
    try {
      this.#channel.send(message)
    } catch (error) {
      this.#pending.delete(id) // Comlink rejects the call with what is thrown here
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

  #onMessage(message: ComlinkMessage): void {
    if (typeof message === "object" && message !== null && message.id !== undefined) {
      if (message.type !== undefined && REQUESTS.has(message.type)) {
        const problem = problemOf(message)
        if (problem) {
          this.#channel.send({ id: message.id, type: "HANDLER", name: "throw", value: lowerError(problem) })
          return
        }
      } else {
        this.#pending.delete(message.id)
        if (message.type === "HANDLER" && !transferHandlers.has(message.name ?? "")) {
          const error = new ProtocolError(`no Comlink transfer handler "${message.name}" is registered on this side`)
          this.#answerLocally(message.id, error)
          return
        }
      }
    }
    this.#dispatch(message)
  }

  #dispatch(data: unknown): void {
    for (const listener of [...this.#listeners]) {
      if (typeof listener === "function") listener({ data })
      else listener.handleEvent({ data })
    }
  }

  /** Comlink only ever settles on a message, so the end of the channel has to look like one. */
  #answerLocally(id: string | number, reason: FlameError): void {
    this.#pending.delete(id)
    this.#dispatch({ id, type: "HANDLER", name: "throw", value: lowerError(reason) })
  }

  #fail(reason: FlameError): void {
    for (const id of [...this.#pending]) this.#answerLocally(id, reason)
  }
}

/** What Comlink would crash on, or would do although nobody should be able to ask for it. */
function problemOf(message: ComlinkMessage): ProtocolError | undefined {
  const { path = [], argumentList = [] } = message
  if (!Array.isArray(path) || !path.every(p => typeof p === "string")) return new ProtocolError("a malformed path")
  const bad = path.find(p => FORBIDDEN.has(p))
  if (bad !== undefined) return new ProtocolError(`"${bad}" cannot be reached from another process`)
  const values = message.type === "SET" ? [message.value] : argumentList
  if (!Array.isArray(values)) return new ProtocolError("a malformed argument list")
  for (const wire of values) {
    if (wire?.type === "RAW") continue
    if (wire?.type !== "HANDLER") return new ProtocolError("a malformed argument")
    if (!transferHandlers.has(wire.name)) {
      return new ProtocolError(`no Comlink transfer handler "${wire.name}" is registered on this side`)
    }
  }
  return undefined
}
