/**
 * The routes to the parent of this moment: those it was started with or, in a pool that persists, those to whoever is the parent now.
 * Owns which of the two; how routes are tried is `Routes`' affair.
 */
import type { WebSocket } from "ws"
import { type Endpoint, showEndpoint } from "../shared/address.ts"
import type { ParentSeeker } from "./parent-seeker.ts"
import { type Greeting, Routes } from "./routes.ts"

export class ParentRoutes {
  readonly #from: readonly string[]
  readonly #seeker: ParentSeeker | undefined
  #routes: Routes

  /**
   * @param addresses The parent's when this process was started, in the order in which to try them.
   * @param from Addresses of this node to dial from, where they fit.
   * @param seeker Knows where the parent may be else.
   */
  constructor(addresses: readonly Endpoint[], from: readonly string[], seeker?: ParentSeeker) {
    this.#from = from
    this.#seeker = seeker
    this.#routes = new Routes(addresses, from)
  }

  /** Those that were tried last, the one that led to the parent first. */
  get addresses(): readonly Endpoint[] {
    return this.#routes.addresses
  }

  /** Looks where the parent is, and tries the ways there. @throws as `Routes.dial` */
  async dial(greeting: Greeting): Promise<WebSocket> {
    const now = await this.#seeker?.addresses()
    // Of the same parent it is known which way is the good one.
    if (now && !areSame(now, this.#routes.addresses)) this.#routes = new Routes(now, this.#from)
    return await this.#routes.dial(greeting)
  }
}

/** In whatever order. */
function areSame(some: readonly Endpoint[], others: readonly Endpoint[]): boolean {
  const texts = new Set(others.map(showEndpoint))
  return some.length === others.length && some.every(address => texts.has(showEndpoint(address)))
}
