/**
 * The answering end of RPC on one channel, in Comlink's message protocol. What may be reached is the target's business: this
 * never walks an object, so no path can leave what the target offers. Nothing a peer sends makes it throw.
 */
import { type FlameError, ProtocolError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import type { Held } from "./held.ts"
import { Kind } from "./packet.ts"
import { MAX_PATH, type Marks, type RequestMessage } from "./protocol.ts"
import { sendThrown } from "./remote-error.ts"
import { fromWire } from "./rpc-client.ts"
import { RpcRequest } from "./rpc-request.ts"
import { resultText } from "./rpc-text.ts"
import { Scope } from "./scope.ts"
import { isTrackable, placeProblem } from "./trackable.ts"
import { inUserTerms } from "./value-path.ts"

/** What is served. */
export interface RpcTarget {
  /** Runs the function at `path`. */
  apply(path: readonly string[], args: readonly unknown[], request: RpcRequest): unknown
  /** The value at `path`. */
  get(path: readonly string[]): unknown
  /** Why the request is not taken now; undefined when it is. Asked before a function is called. */
  refusal?(marks: Marks | undefined): Error | undefined
  /** Whether what the request's function threw says that it ended for now, since its server ends. */
  interrupted?(error: unknown, request: RpcRequest): boolean
  /** A request begins. */
  begin?(request: RpcRequest): void
  /** It is answered and its streams are over; these objects of the answer are held from the other side, and keep it open. */
  holds?(request: RpcRequest, objects: readonly Held[]): void
  /** It is over, what its answer held included. */
  end?(request: RpcRequest): void
  /** Ends what is served. Without it a RELEASE ends nothing: it is Comlink's, and tells of a proxy that was collected. */
  release?(): Promise<void>
}

/** No engine takes many more. */
const MAX_ARGUMENTS = 65_535

export class RpcServer {
  readonly #channel: Channel
  readonly #target: RpcTarget
  readonly #running = new Map<number | string, RpcRequest>()

  constructor(channel: Channel, target: RpcTarget) {
    this.#channel = channel
    this.#target = target
    channel.receive((message, adopted) => this.#onRequest(message as RequestMessage, adopted))
    channel.onClose(reason => this.#abortAll(reason))
  }

  #onRequest(request: RequestMessage, adopted: Scope): void {
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
        this.#serve(id, request, adopted)
        return
      case "RELEASE":
        if (this.#target.release)
          this.#target.release().then(
            () => this.#done(id),
            error => this.#reply(id, error),
          )
        else this.#done(id)
        return
      default:
        this.#reply(id, new ProtocolError(`${nameOf((request as { type: unknown }).type)} is not allowed here`))
    }
  }

  /** Never throws: whatever goes wrong is the answer. A function that returns its result at once is answered at once. */
  #serve(id: number | string, request: RequestMessage & { type: "APPLY" | "GET" }, adopted: Scope): void {
    const marks = marksOf(request)
    const refusal = request.type === "APPLY" ? this.#target.refusal?.(marks) : undefined
    if (refusal) {
      this.#reply(id, refusal, adopted, "refused")
      return
    }
    const running = new RpcRequest(marks)
    const { path } = request // the closures below must not keep the arguments
    this.#running.set(id, running)
    this.#target.begin?.(running)
    let value: unknown
    try {
      value =
        request.type === "GET"
          ? this.#target.get(request.path)
          : this.#target.apply(request.path, argumentsOf(request.argumentList), running)
    } catch (error) {
      this.#failed(id, error, adopted, running)
      return
    }
    if (!isThenable(value)) this.#answer(id, value, adopted, running, path)
    else {
      Promise.resolve(value).then(
        result => this.#answer(id, result, adopted, running, path),
        error => this.#failed(id, error, adopted, running),
      )
    }
  }

  /** @param adopted What was sent on the channels of the request arrives before its answer, which ends them. */
  #answer(id: number | string, value: unknown, adopted: Scope, running: RpcRequest, path: readonly string[]): void {
    const { place, track, unlinked } = running.marks
    const text = place ? undefined : resultText(id, value)
    if (text !== undefined && adopted.all().length === 0) {
      this.#channel.sendText(text, Kind.result)
      this.#over(id, running)
      return
    }
    const refers = place ? (object: object) => object === value : track ? isTrackable : undefined
    const scope = new Scope(false, refers, unlinked)
    try {
      const problem = place ? placeProblem(value, path.join(".")) : undefined
      if (problem) throw problem
      // A stream in the answer runs in the context in which it is sent: `currentCall()` is this call there as well.
      running.inContext(() => this.#channel.send({ id, type: "RAW", value }, scope, adopted))
    } catch (error) {
      this.#failed(id, inUserTerms(error), adopted, running)
      return
    }
    const over = () => this.#over(id, running)
    const { objects } = scope
    if (!scope.onOver(over)) over()
    else if (objects.length > 0) {
      const holds = () => this.#target.holds?.(running, objects)
      if (!scope.onStreamsOver(holds)) holds()
    }
  }

  #failed(id: number | string, error: unknown, adopted: Scope, running: RpcRequest): void {
    const interrupted = this.#target.interrupted?.(error, running) === true
    this.#reply(id, error, adopted, interrupted ? "interrupted" : undefined)
    this.#over(id, running)
  }

  #over(id: number | string, running: RpcRequest): void {
    this.#running.delete(id)
    this.#target.end?.(running)
  }

  #reply(id: number | string, error: unknown, adopted?: Scope, how?: "refused" | "interrupted"): void {
    const mark = how ? { [how]: true } : {}
    sendThrown(error, value =>
      this.#channel.send({ id, type: "HANDLER", name: "throw", value, ...mark }, undefined, adopted),
    )
  }

  #done(id: number | string): void {
    this.#channel.send({ id, type: "RAW", value: undefined })
  }

  #abortAll(reason: FlameError): void {
    for (const request of this.#running.values()) {
      const { unlinked, once } = request.marks
      if (!unlinked && once === undefined) request.abort(reason)
    }
  }
}

/** Never asks anything but a string for its text: on a peer's remote object that would be a call. */
function nameOf(type: unknown): string {
  return typeof type === "string" ? type.slice(0, 40) : "a request without a type"
}

/** Undefined for nearly all. A mark is `true` or it is none; an id is text, an attempt a number. */
function marksOf(request: Marks): Marks | undefined {
  const { once } = request
  const named = typeof once === "string"
  const { place, track, unlinked, resumable, attempt } = request
  if (!named && place !== true && track !== true && unlinked !== true && resumable !== true) return undefined
  const mark = (name: keyof Marks) => (request[name] === true ? { [name]: true } : {})
  const marks = {
    ...mark("place"),
    ...mark("track"),
    ...mark("unlinked"),
    ...mark("resumable"),
    ...(Number.isSafeInteger(attempt) && { attempt }),
  }
  return named ? { ...marks, once, ...mark("known"), ...mark("follow") } : marks
}

function isPath(path: unknown): path is string[] {
  return Array.isArray(path) && path.length <= MAX_PATH && path.every(p => typeof p === "string")
}

function argumentsOf(list: unknown): unknown[] {
  if (!Array.isArray(list)) throw new ProtocolError("a call has no argument list")
  // A sparse array may say that it has four thousand million.
  if (list.length > MAX_ARGUMENTS) throw new ProtocolError(`a call with more than ${MAX_ARGUMENTS} arguments`)
  return list.map(fromWire)
}

function isThenable(value: unknown): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false
  try {
    return typeof (value as { then?: unknown }).then === "function"
  } catch {
    return true // a getter that throws: awaiting it tells the caller what it threw
  }
}
