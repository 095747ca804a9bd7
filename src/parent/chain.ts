/** A list of runners whose links are made once for each of them. Owns who is where; how it is linked is linked-list.ts. */
import { LinkedList, type Listed } from "./linked-list.ts"

/** A runner's place in the chains it may be in: in one at a time. */
export class Link<R> implements Listed<Link<R>> {
  readonly item: R
  /** @internal */
  list: LinkedList<Link<R>> | undefined
  /** @internal */
  before: Link<R> | undefined
  /** @internal */
  behind: Link<R> | undefined

  constructor(item: R) {
    this.item = item
  }

  /** Leaves whichever chain it is in. */
  leave(): void {
    this.list?.remove(this)
  }
}

export class Chain<R> {
  readonly #links = new LinkedList<Link<R>>()

  get first(): R | undefined {
    return this.#links.head?.item
  }

  /** All, the first one first. */
  *[Symbol.iterator](): Generator<R> {
    for (const { item } of this.#links) yield item
  }

  /** Puts it before all others, or behind them; leaves it where it is if it is here. */
  join(link: Link<R>, where: "first" | "last"): void {
    if (link.list === this.#links) return
    link.leave()
    if (where === "last") this.#links.push(link)
    else this.#links.unshift(link)
  }

  /** Does nothing if it is not here. */
  leave(link: Link<R>): void {
    if (link.list === this.#links) this.#links.remove(link)
  }
}
