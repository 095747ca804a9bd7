/**
 * The channels that belong to one call: those made for callbacks, streams and signals in its message. They end with the
 * call, so that nothing is left behind by a function that was passed a million callbacks.
 */
import type { MessagePort } from "node:worker_threads"
import type { FlameError } from "../shared/errors.ts"
import type { Channel } from "./channel.ts"

export class Scope {
  /**
   * @param functions Whether plain functions may be passed. A request carries callbacks; an answer does not, since nobody
   * would know when they are over (`proxy(fn)` says who releases it).
   */
  constructor(readonly functions = true) {}

  /** Over when the call settles. */
  readonly calls: Channel[] = []
  /** Over when the stream is: a call that returned one is not done before. */
  readonly streams: Channel[] = []
  /** Explicit proxies and transferred ports: not the call's, they live until released. */
  readonly lasting: Channel[] = []
  /** Ports made for this message, to be put in the transfer list if it is posted on. */
  readonly ports: MessagePort[] = []

  /** Ends what ends with the call. */
  closeCalls(reason: FlameError): void {
    for (const channel of this.calls) channel.close(reason)
  }

  all(): Channel[] {
    return [...this.calls, ...this.streams, ...this.lasting]
  }

  /** Ends everything: nobody will use it. */
  closeAll(reason: FlameError): void {
    for (const channel of this.all()) channel.close(reason)
  }

  /** Calls `done` once all streams are over; returns false (and never calls it) when there are none. */
  onStreamsOver(done: () => void): boolean {
    let open = this.streams.length
    if (open === 0) return false
    for (const stream of this.streams) {
      stream.onClose(() => {
        open -= 1
        if (open === 0) done()
      })
    }
    return true
  }
}
