/**
 * A list whose members are their own entries: to join and to leave costs nothing and allocates nothing, however many there are. Owns
 * the links; knows nothing of what its members are.
 */

/** What may be in a list, in one at a time. */
export interface Listed<T extends Listed<T>> {
  /** @internal */
  list: LinkedList<T> | undefined
  /** @internal */
  before: T | undefined
  /** @internal */
  behind: T | undefined
}

export class LinkedList<T extends Listed<T>> {
  #head: T | undefined
  #tail: T | undefined
  #size = 0

  get head(): T | undefined {
    return this.#head
  }

  get size(): number {
    return this.#size
  }

  /** From the front. The one that was given last may leave meanwhile, and nobody else. */
  *[Symbol.iterator](): Generator<T> {
    for (let entry = this.#head; entry; ) {
      const { behind } = entry
      yield entry
      entry = behind
    }
  }

  push(entry: T): void {
    this.#link(entry, this.#tail, undefined)
  }

  unshift(entry: T): void {
    this.#link(entry, undefined, this.#head)
  }

  /** Puts it before `behind`, which is here; at the end where that is undefined. */
  insert(entry: T, behind: T | undefined): void {
    this.#link(entry, behind ? behind.before : this.#tail, behind)
  }

  /** It must be here. */
  remove(entry: T): void {
    const { before, behind } = entry
    if (before) before.behind = behind
    else this.#head = behind
    if (behind) behind.before = before
    else this.#tail = before
    entry.before = undefined
    entry.behind = undefined
    entry.list = undefined
    this.#size -= 1
  }

  #link(entry: T, before: T | undefined, behind: T | undefined): void {
    entry.list = this
    entry.before = before
    entry.behind = behind
    if (before) before.behind = entry
    else this.#head = entry
    if (behind) behind.before = entry
    else this.#tail = entry
    this.#size += 1
  }
}
