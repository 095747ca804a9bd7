/** Somebody who waits for a runner, and the queues they wait in. Owns their order; knows no runner and no rule. */
import { LinkedList, type Listed } from "./linked-list.ts"

/** Somebody who waits. Is its own entry in the queue it waits in: to join and to leave costs nothing, however many wait. */
export abstract class Request<R> implements Listed<Request<R>> {
  /** `lease`: a whole idle runner. `slot`: a place on any. */
  abstract readonly kind: "lease" | "slot"
  /** Calls of one key go to one runner. */
  readonly key: string | undefined
  /** A runner will do that has so much time left, in ms; 0: any. Said before it waits, and for good. */
  needsMs = 0
  /** That was learned and not said: it is cut to what a new runner has, and refused nowhere. */
  soft = false
  /** @internal Order of arrival. 0: has not waited yet. */
  arrival = 0
  /** @internal */
  list: LinkedList<Request<R>> | undefined
  /** @internal */
  before: Request<R> | undefined
  /** @internal */
  behind: Request<R> | undefined

  constructor(key?: string) {
    this.key = key
  }

  /** The runner is theirs. Called at most once for each time in the line. */
  abstract place(runner: R): void
  /** There will be no runner. */
  abstract fail(error: unknown): void

  /** What waits, for messages. */
  what(): string {
    return "a call"
  }
}

/** In order of arrival. */
export class RequestQueue<R> extends LinkedList<Request<R>> {
  /** Those who came before `request` are passed from the front: few, where most that come back came before all that wait. */
  add(request: Request<R>): void {
    let behind = this.head
    while (behind && behind.arrival < request.arrival) behind = behind.behind
    this.insert(request, behind)
  }
}

/** Whether `a` came first. False where there is no `a`, else true where there is no `b`. */
export function isBefore<R>(a: Request<R> | undefined, b: Request<R> | undefined): boolean {
  return a !== undefined && (b === undefined || a.arrival < b.arrival)
}
