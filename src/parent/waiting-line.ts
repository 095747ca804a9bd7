/**
 * All who wait for a runner: first come, first served. Those who wait for any runner are in the two queues of the line; those who
 * wait for one runner, since their key has its home there, in a queue of that runner's. Owns order; decides nothing.
 */
import { type Request, RequestQueue } from "./request.ts"

export class WaitingLine<R> {
  readonly leases = new RequestQueue<R>()
  readonly slots = new RequestQueue<R>()
  #arrivals = 0
  #size = 0

  /** All who wait, wherever. */
  get size(): number {
    return this.#size
  }

  /** Joins the line at its end; one who was in it before, where it was: before all who came later. */
  join(request: Request<R>): void {
    const queue = request.kind === "lease" ? this.leases : this.slots
    this.#size += 1
    if (request.arrival > 0) return queue.add(request)
    request.arrival = ++this.#arrivals
    queue.push(request)
  }

  /** Joins the line at its end, wherever it was before. */
  rejoin(request: Request<R>): void {
    request.arrival = 0
    this.join(request)
  }

  /** Waits for one runner from now on. */
  move(request: Request<R>, queue: RequestQueue<R>): void {
    request.list?.remove(request)
    queue.add(request)
  }

  /** False when it was not waiting any more. */
  remove(request: Request<R>): boolean {
    if (!request.list) return false
    request.list.remove(request)
    this.#size -= 1
    return true
  }

  /** Empties both queues and these, where the others wait; tells everyone in order. */
  failAll(error: unknown, queues: readonly RequestQueue<R>[] = []): void {
    const all: Request<R>[] = []
    for (const queue of [this.leases, this.slots, ...queues]) {
      while (queue.head) {
        all.push(queue.head)
        this.remove(queue.head)
      }
    }
    for (const request of all.sort((a, b) => a.arrival - b.arrival)) request.fail(error)
  }
}
