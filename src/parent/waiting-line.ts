/**
 * All who wait for a runner: first come, first served. Those who wait for any runner are in the two queues of the line; calls that need
 * one with some time left beside them; those who wait for one runner, since their key has its home there, in a queue of that runner's.
 * Owns order; decides nothing.
 */
import { ChoosyLine } from "./choosy-line.ts"
import { type Request, RequestQueue } from "./request.ts"

export class WaitingLine<R> {
  readonly leases = new RequestQueue<R>()
  /** Those to whom any runner will do. */
  readonly slots = new RequestQueue<R>()
  /** Those who need a slot on a runner with some time left. */
  readonly choosy = new ChoosyLine<R>()
  #arrivals = 0
  #size = 0
  #choosyLeases = 0

  /** All who wait, wherever. */
  get size(): number {
    return this.#size
  }

  /** How many of the leases need a runner with some time left. */
  get choosyLeases(): number {
    return this.#choosyLeases
  }

  /** Joins the line at its end; one who was in it before, where it was: before all who came later. */
  join(request: Request<R>): void {
    this.#size += 1
    const lease = request.kind === "lease"
    const back = request.arrival > 0
    if (!back) request.arrival = ++this.#arrivals
    if (request.needsMs > 0) {
      if (!lease) return this.choosy.add(request)
      this.#choosyLeases += 1
    }
    const queue = lease ? this.leases : this.slots
    if (back) queue.add(request)
    else queue.push(request)
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
    if (request.needsMs > 0 && request.kind === "lease") this.#choosyLeases -= 1
    return true
  }

  /** Empties all queues of the line and these, where the others wait; tells everyone in order. */
  failAll(error: unknown, queues: readonly RequestQueue<R>[] = []): void {
    const all: Request<R>[] = []
    for (const queue of [this.leases, this.slots, ...this.choosy.queues, ...queues]) {
      while (queue.head) {
        all.push(queue.head)
        this.remove(queue.head)
      }
    }
    for (const request of all.sort((a, b) => a.arrival - b.arrival)) request.fail(error)
  }
}
