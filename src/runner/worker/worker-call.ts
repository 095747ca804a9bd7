/** One call as `currentCall()` shows it. Owns nothing: what a resumable one has beside an ordinary one is in its own file. */
import type { CallContext } from "../../shared/context.ts"
import type { RpcRequest } from "../../transport/rpc-request.ts"
import type { ResumableCall } from "./resumable-call.ts"

export class WorkerCall implements CallContext {
  readonly #resumable: ResumableCall | undefined

  constructor(
    readonly id: number,
    /** @internal */
    readonly request: RpcRequest,
    resumable: ResumableCall | undefined,
  ) {
    this.#resumable = resumable
  }

  get signal(): AbortSignal {
    return this.request.signal
  }

  get resumable(): boolean {
    return this.#resumable !== undefined
  }

  get attempt(): number {
    return this.#resumable?.attempt ?? 1
  }

  resume<S>(): S | undefined {
    return this.#resumable?.state as S | undefined
  }

  checkpoint(state: unknown): Promise<void> {
    return this.#resumable?.checkpoint(state) ?? Promise.resolve()
  }

  onDrain(handler: () => unknown): () => void {
    return this.#resumable?.onDrain(handler) ?? (() => {})
  }
}
