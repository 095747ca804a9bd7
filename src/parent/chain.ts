/** A list of runners whose links are made once for each of them: to join and to leave allocates nothing. Owns the links alone. */

/** A runner's place in the chains it may be in: in one at a time. */
export class Link<R> {
  readonly item: R
  /** @internal */
  chain: Chain<R> | undefined
  /** @internal */
  before: Link<R> | undefined
  /** @internal */
  behind: Link<R> | undefined

  constructor(item: R) {
    this.item = item
  }
}

export class Chain<R> {
  #first: Link<R> | undefined
  #last: Link<R> | undefined

  get first(): R | undefined {
    return this.#first?.item
  }

  /** Puts it before all others, or behind them; leaves it where it is if it is here. */
  join(link: Link<R>, where: "first" | "last"): void {
    if (link.chain === this) return
    link.chain?.leave(link)
    link.chain = this
    link.before = where === "last" ? this.#last : undefined
    link.behind = where === "first" ? this.#first : undefined
    if (link.before) link.before.behind = link
    else this.#first = link
    if (link.behind) link.behind.before = link
    else this.#last = link
  }

  /** Does nothing if it is not here. */
  leave(link: Link<R>): void {
    if (link.chain !== this) return
    const { before, behind } = link
    if (before) before.behind = behind
    else this.#first = behind
    if (behind) behind.before = before
    else this.#last = before
    link.chain = undefined
    link.before = undefined
    link.behind = undefined
  }
}
