/**
 * An object that stays here while the other side calls its methods: served on a channel of its own until it was disposed of or
 * has ended by itself. Owns the object's one disposal; who holds what because of it is told by `onOver`.
 */
import { AsyncResource } from "node:async_hooks"
import { ReleasedError } from "../shared/errors.ts"
import type { Json } from "../shared/json.ts"
import type { Channel } from "./channel.ts"
import type { Held } from "./held.ts"
import { resolveMember, resolveMethod } from "./object-members.ts"
import { RpcServer } from "./rpc-server.ts"
import type { Session } from "./session.ts"

type Disposable = { [Symbol.asyncDispose]?: unknown; [Symbol.dispose]?: unknown; closed?: unknown }

export class ServedObject implements Held {
  /** What stands for it in the message. */
  readonly reference: Json
  readonly #object: Disposable
  readonly #session: Session
  /** Its code sees the call that made it. */
  readonly #inContext: <T>(work: () => T) => T
  /** Settles when the object ends by itself; it is its own `closed`. */
  readonly #ending: Promise<void> | undefined
  #disposing: Promise<void> | undefined
  #over = false
  #leaving = false
  #listeners: (() => void)[] = []
  /** Requests that run, and those of them that wait for the object's own end. */
  #running = 0
  #watching = 0
  #quiet: (() => void) | undefined

  /** @param kept It outlives the line: its owner said so. */
  constructor(object: object, channel: Channel, session: Session, kept: boolean) {
    this.#object = object
    this.#session = session
    this.#inContext = AsyncResource.bind((work: () => unknown) => work()) as <T>(work: () => T) => T
    const { closed } = this.#object
    if (isThenable(closed)) {
      this.#ending = Promise.resolve(closed).then(() => {})
      const ended = () => {
        if (!this.#disposing) this.#end()
      }
      this.#ending.then(ended, ended)
    }
    this.reference = { live: "object", channel: channel.id, ends: this.#ending !== undefined, kept }
    this.#serve(channel)
    channel.onClose(() => {
      // With the line the owner is gone, and what is kept does not go with its owner.
      if (!(kept && session.root.closed)) void this.#dispose().catch(told)
    })
  }

  /** Calls `listener` when the object was disposed of, or has ended by itself; at once if it has. */
  onOver(listener: () => void): void {
    if (this.#over) listener()
    else this.#listeners.push(listener)
  }

  /** This side leaves: takes no more calls, lets those that run finish, and disposes of the object. Never rejects. */
  async letGo(): Promise<void> {
    this.#leaving = true
    if (this.#running > this.#watching) {
      await new Promise<void>(resolve => {
        this.#quiet = resolve
      })
    }
    await this.#dispose().catch(told)
  }

  #serve(channel: Channel): void {
    const object: object = this.#object
    new RpcServer(channel, {
      refusal: () =>
        this.#over || this.#leaving || this.#disposing ? new ReleasedError("the object was released") : undefined,
      begin: () => {
        this.#running += 1
      },
      end: () => {
        this.#running -= 1
        if (this.#running <= this.#watching) this.#quiet?.()
      },
      apply: (path, args) =>
        this.#inContext(() => {
          const { fn, owner } = resolveMethod(object, path)
          return fn.apply(owner, args as unknown[])
        }),
      get: path => (path.length === 0 ? this.#watch() : this.#inContext(() => resolveMember(object, path).value)),
      release: () => this.#dispose(),
    })
  }

  /** The answer comes when the object has ended by itself. */
  #watch(): Promise<void> {
    this.#watching += 1
    return this.#ending ?? new Promise(() => {})
  }

  #dispose(): Promise<void> {
    this.#disposing ??= this.#over ? Promise.resolve() : this.#disposeOnce()
    return this.#disposing
  }

  async #disposeOnce(): Promise<void> {
    try {
      await this.#inContext(() => {
        const dispose = this.#object[Symbol.asyncDispose] ?? this.#object[Symbol.dispose]
        return typeof dispose === "function" ? dispose.call(this.#object) : undefined
      })
    } catch (error) {
      this.#session.callbackFailed(error) // who released it is told as well, but may be gone
      throw error
    } finally {
      this.#end()
    }
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    for (const listener of this.#listeners.splice(0)) listener()
  }
}

/** Disposal failed, and that was reported where it happened. */
function told(): void {}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
}
