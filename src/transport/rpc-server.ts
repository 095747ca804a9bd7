/**
 * The answering end of RPC on one channel, in Comlink's message protocol. What may be reached is the target's business: this
 * never walks an object, so no path can leave what the target offers. Nothing a peer sends makes it throw.
 */
import { type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import type { RequestMessage } from "./protocol.ts"
import { sendThrown } from "./remote-error.ts"
import { fromWire } from "./rpc-client.ts"
import { RpcRequest } from "./rpc-request.ts"
import { Scope } from "./scope.ts"
import { inUserTerms } from "./value-path.ts"

/** What is served. */
export interface RpcTarget {
  /** Runs the function at `path`. */
  apply(path: readonly string[], args: readonly unknown[], request: RpcRequest): unknown
  /** The value at `path`. */
  get(path: readonly string[]): unknown
  /** A request begins: a function to call when it is over, its streams included. */
  begin?(): () => void
}

export class RpcServer {
  readonly #channel: Channel
  readonly #target: RpcTarget
  readonly #running = new Map<number | string, RpcRequest>()

  constructor(channel: Channel, target: RpcTarget) {
    this.#channel = channel
    this.#target = target
    channel.receive(message => this.#onRequest(message as RequestMessage))
    channel.onClose(reason => this.#abortAll(reason))
  }

  #onRequest(request: RequestMessage): void {
    const id = request?.id
    if (typeof id !== "number" && typeof id !== "string") throw new ProtocolError("a request has no id")
    switch (request.type) {
      case "CANCEL":
        this.#running.get(request.target)?.abort(request.reason) // answered already: the cancel crossed the answer
        return
      case "APPLY":
      case "GET":
        if (!isPath(request.path)) throw new ProtocolError("a request has no path")
        if (this.#running.has(id)) throw new ProtocolError(`request ${id} is open already`)
        void this.#answer(id, request)
        return
      case "RELEASE":
        // Comlink's last proxy was collected. What is served here belongs to the channel, not to a proxy.
        this.#channel.send({ id, type: "RAW", value: undefined })
        return
      default:
        this.#reply(id, new ProtocolError(`${nameOf((request as { type: unknown }).type)} is not allowed here`))
    }
  }

  /** Never rejects: whatever goes wrong is the answer. */
  async #answer(id: number | string, request: RequestMessage & { type: "APPLY" | "GET" }): Promise<void> {
    const end = this.#target.begin?.()
    const running = new RpcRequest()
    this.#running.set(id, running)
    const scope = new Scope(false)
    try {
      const value =
        request.type === "GET"
          ? await this.#target.get(request.path)
          : await this.#target.apply(request.path, argumentsOf(request.argumentList), running)
      try {
        // A stream in the answer runs in the context in which it is sent: `currentCall()` is this call there as well.
        running.inContext(() => this.#channel.send({ id, type: "RAW", value }, scope))
      } catch (error) {
        throw inUserTerms(error)
      }
    } catch (error) {
      this.#reply(id, error)
    } finally {
      const over = () => {
        this.#running.delete(id)
        end?.()
      }
      if (!scope.onStreamsOver(over)) over()
    }
  }

  #reply(id: number | string, error: unknown): void {
    sendThrown(error, value => this.#channel.send({ id, type: "HANDLER", name: "throw", value }))
  }

  #abortAll(reason: FlameError): void {
    for (const request of this.#running.values()) request.abort(reason)
  }
}

/** Never asks anything but a string for its text: on a peer's remote object that would be a call. */
function nameOf(type: unknown): string {
  return typeof type === "string" ? type.slice(0, 40) : "a request without a type"
}

function isPath(path: unknown): path is string[] {
  return Array.isArray(path) && path.length <= 32 && path.every(p => typeof p === "string")
}

function argumentsOf(list: unknown): unknown[] {
  if (!Array.isArray(list)) throw new ProtocolError("a call has no argument list")
  return list.map(fromWire)
}
