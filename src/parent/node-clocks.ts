/**
 * Clocks of nodes that are wrong, or this machine's is. Nothing here goes by them; but whoever compares dates that were made on both will
 * wonder. Owns who has been told: once for each node.
 */
import { formatMs } from "../shared/duration.ts"
import type { Logger } from "./logger.ts"

/** Nodes whose clocks are kept by NTP differ by milliseconds. */
const MUCH_MS = 5_000

export class NodeClocks {
  readonly #logger: Logger
  readonly #warned = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** The clock of `node` is so much ahead of this one, below 0: behind. */
  heard(node: string, skewMs: number): void {
    if (Math.abs(skewMs) < MUCH_MS || this.#warned.has(node)) return
    this.#warned.add(node)
    const how = `${formatMs(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}`
    this.#logger.warn(
      { node, clockSkewMs: skewMs },
      `the clock of a node is ${how}: walltimes are kept all the same, but dates that were made there are not those of here`,
    )
  }
}
