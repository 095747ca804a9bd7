/**
 * The holder's end of an object that lives on the other side: its channel, its release and its end. Owns no handle and leads to
 * none, so that a handle can be collected; what the user holds is made of this by `Session.holder`.
 */
import { type FlameError, ReleasedError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"
import type { Held } from "./held.ts"
import { RpcClient } from "./rpc-client.ts"

/** Not errors that end anything: why calls on an object that is over fail. */
const released = new ReleasedError("the object was released")
const endedItself = new ReleasedError("the object has ended by itself on its runner")

export class RemoteObject implements Held {
  /** For calls of its methods. */
  readonly client: RpcClient
  /** It does not go with its owner: nobody's losing sight of it releases it. */
  readonly kept: boolean
  /**
   * Resolves when it was released or has ended by itself; rejects with the reason of its own `closed`, or of the line's end.
   * Never an unhandled rejection.
   */
  readonly closed: Promise<void>
  readonly #channel: Channel
  #resolve!: () => void
  #reject!: (reason: unknown) => void
  #releasing: Promise<void> | undefined

  /** @param ends It may end by itself: the other side tells when. */
  constructor(channel: Channel, ends: boolean, kept: boolean) {
    this.client = new RpcClient(channel)
    this.kept = kept
    this.#channel = channel
    this.closed = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.closed.catch(noop)
    channel.onClose(reason => {
      if (reason === released || reason === endedItself || this.#releasing) this.#resolve()
      else this.#reject(reason)
    })
    if (ends) this.client.get(NOTHING, { resolve: () => this.#ended(), reject: e => this.#failed(e), done: noop })
  }

  /** Why it cannot be called any more; undefined while it can. */
  get over(): FlameError | undefined {
    return this.#channel.closed
  }

  /** Calls `listener` when nothing of it is left here; at once if it is. */
  onOver(listener: () => void): void {
    this.#channel.onClose(listener)
  }

  /**
   * Has it disposed of. Calling it again gives the same promise; where it is over already there is nothing to do.
   * @throws What its disposal threw.
   */
  release(): Promise<void> {
    this.#releasing ??= this.#release()
    return this.#releasing
  }

  /** The same. What its disposal throws is told by the other side, to its own log. */
  async letGo(): Promise<void> {
    await this.release().catch(noop)
  }

  async #release(): Promise<void> {
    if (this.#channel.closed) return
    try {
      await new Promise<void>((resolve, reject) => {
        const failed = (error: unknown) => (this.#channel.closed ? resolve() : reject(error)) // else the line is lost
        this.client.release({ resolve: () => resolve(), reject: failed, done: noop })
      })
    } finally {
      this.#channel.close(released)
    }
  }

  #ended(): void {
    this.#channel.close(endedItself)
  }

  #failed(error: unknown): void {
    if (this.#channel.closed) return // and with it the request
    this.#reject(error)
    this.#channel.close(endedItself)
  }
}

/** The path of the object itself. */
const NOTHING: readonly string[] = []

function noop(): void {}
