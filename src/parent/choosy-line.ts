/**
 * Those who wait for a slot and need a runner with so much time left, in groups of equal needs: who is second in a group fits nowhere
 * where the first does not, so only the first of each is looked at. Owns the groups and their order; whether a runner has the time
 * is for others to know.
 */
import { type Request, RequestQueue } from "./request.ts"

/** Who waits with equal needs. */
export class ChoosyGroup<R> {
  readonly waiting = new RequestQueue<R>()
  readonly needsMs: number
  /** Learned, not said. */
  readonly soft: boolean
  /** No runner that was free when it was looked last has the time: only those that became free since are worth a look. */
  stuck = false

  constructor(needsMs: number, soft: boolean) {
    this.needsMs = needsMs
    this.soft = soft
  }
}

export class ChoosyLine<R> {
  readonly #groups = new Map<number, ChoosyGroup<R>>()

  /** How many wait. Looks at each group. */
  get size(): number {
    let size = 0
    for (const group of this.#groups.values()) size += group.waiting.size
    return size
  }

  /** Nobody has waited since it was looked last. */
  get empty(): boolean {
    return this.#groups.size === 0
  }

  /** Waits in the order of arrival, which it has. */
  add(request: Request<R>): void {
    const { needsMs, soft } = request
    const key = soft ? -needsMs : needsMs
    let group = this.#groups.get(key)
    if (!group) {
      group = new ChoosyGroup(needsMs, soft)
      this.#groups.set(key, group)
    }
    group.waiting.add(request)
  }

  /** All in which somebody waits; forgets the others. */
  *groups(): Generator<ChoosyGroup<R>> {
    for (const [key, group] of this.#groups) {
      if (group.waiting.size === 0) this.#groups.delete(key)
      else yield group
    }
  }

  /** Any free runner may have the time: it is not known which have become free. */
  unstick(): void {
    for (const group of this.#groups.values()) group.stuck = false
  }

  /** The queues in which they wait. */
  get queues(): RequestQueue<R>[] {
    return [...this.groups()].map(group => group.waiting)
  }
}
