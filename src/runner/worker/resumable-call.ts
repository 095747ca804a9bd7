/**
 * What a resumable call has beside an ordinary one: the state that it goes on from, its way to keep newer ones, and what it wants to do when
 * its runner drains. Owns how these belong together for one run of the function.
 */
import { ProtocolError } from "../../shared/errors.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import { CheckpointSender, type Save } from "./checkpoint-sender.ts"
import { DrainHandlers } from "./drain-handlers.ts"

/** What the request carries behind its arguments. */
export interface Resumption {
  readonly state: unknown
  readonly save: Save
}

/** Takes the last two of `args`. @throws ProtocolError when the second of them is no function */
export function takeResumption(args: unknown[]): Resumption {
  const [state, save] = args.splice(-2)
  if (typeof save !== "function") throw new ProtocolError("a resumable call has no function that keeps its checkpoints")
  return { state, save: save as Save }
}

export class ResumableCall {
  readonly state: unknown
  readonly attempt: number
  readonly #request: RpcRequest
  readonly #name: string
  readonly #sender: CheckpointSender
  readonly #handlers = new DrainHandlers(state => this.checkpoint(state))

  /** @param name Of the function, for messages. */
  constructor(name: string, request: RpcRequest, { state, save }: Resumption) {
    this.#name = name
    this.#request = request
    this.state = state
    this.attempt = request.marks.attempt ?? 1
    this.#sender = new CheckpointSender(save, request.marks.once !== undefined)
  }

  checkpoint(state: unknown): Promise<void> {
    const stored = this.#checkpoint(state)
    stored.catch((error: unknown) => {
      // That the caller has left is known to everybody.
      if (this.#request.aborted) return
      console.error(`slurm-flame: a checkpoint of ${this.#name}() was not stored; the one before it counts:`, error)
    })
    return stored
  }

  async #checkpoint(state: unknown): Promise<void> {
    if (this.#request.aborted) throw this.#request.signal.reason
    await this.#sender.send(state)
  }

  onDrain(handler: () => unknown): () => void {
    return this.#handlers.add(handler)
  }

  /** Another parent asks for the call: its checkpoints go there from now on. */
  goesTo(save: Save): void {
    this.#sender.goesTo(save)
  }

  /** The drain begins, or its time is nearly over. */
  drain(): void {
    this.#request.inContext(() => this.#handlers.run())
  }

  /** Resolves when what its handlers give has arrived at the parent, or failed. */
  async settled(): Promise<void> {
    await this.#handlers.given()
    await this.#sender.arrived()
  }

  /** The function has ended. */
  end(): void {
    this.#sender.end()
  }
}
