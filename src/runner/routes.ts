/**
 * The ways from this process to its parent: each address of the parent, with the address to dial it from. Owns the order in which
 * they are tried, how the attempts overlap, and what is said when none leads there; knows nothing of what a connection is for.
 */
import { networkInterfaces } from "node:os"
import type { WebSocket } from "ws"
import type { Endpoint } from "../shared/address.ts"
import { HandshakeError, HostError } from "../shared/errors.ts"
import { type DialOptions, dial, isRefused } from "../transport/dial.ts"
import { CloseCode } from "../transport/protocol.ts"
import { sourceAddresses } from "./source-address.ts"

interface Way extends Endpoint {
  readonly localAddress: string | undefined
}

/** What all ways have in common. */
export type Greeting = Pick<DialOptions, "kind" | "identity" | "key" | "tls"> & {
  /** For each attempt, from its dial to the parent's proof. */
  readonly timeoutMs: number
}

/**
 * How long a way may be without a sign of life until the next is tried beside it. The first packet of a connection that is lost on a
 * network that works is sent again after a second: that must not lead to the slower network for good.
 */
const LEAD_MS = 2_500

export class Routes {
  #ways: readonly Way[]

  /**
   * @param addresses The parent's, in the order in which to try them.
   * @param from Addresses of this node to dial from, where they fit.
   */
  constructor(addresses: readonly Endpoint[], from: readonly string[], networks = networkInterfaces()) {
    const hosts = addresses.map(({ host }) => host)
    const sources = sourceAddresses(hosts, from, networks)
    this.#ways = addresses.map((address, i) => ({ ...address, localAddress: sources[i] }))
  }

  /** In the order in which they would be tried now: the one that led to the parent last comes first. */
  get addresses(): readonly Endpoint[] {
    return this.#ways.map(({ host, port }) => ({ host, port }))
  }

  /**
   * Tries the ways one after the other, the next as soon as one fails or shows no sign of life for a while, and resolves with the
   * first connection. Once a host has answered, no other is tried unless it fails: a parent that is busy is slow on every way.
   * @throws what became of the only way; for several a HostError that tells of each, or a HandshakeError when all were refused
   */
  async dial(greeting: Greeting): Promise<WebSocket> {
    const ways = this.#ways
    return await new Promise((resolve, reject) => {
      const race = new AbortController()
      const failures = new Map<Way, Error>()
      const answered = new Set<Way>()
      let begun = 0
      let lead: NodeJS.Timeout | undefined

      const next = (): void => {
        clearTimeout(lead)
        const way = ways[begun]
        if (way === undefined) return
        begun += 1
        if (begun < ways.length) lead = setTimeout(next, LEAD_MS)
        const connected = () => {
          answered.add(way)
          clearTimeout(lead)
        }
        const { localAddress, ...address } = way
        dial({ ...greeting, ...address, localAddress, connected, signal: race.signal }).then(
          ws => won(way, ws),
          (error: Error) => failed(way, error),
        )
      }
      const won = (way: Way, ws: WebSocket): void => {
        if (race.signal.aborted) {
          ws.on("error", () => {}) // whatever becomes of it now is no news
          ws.close(CloseCode.bye, "not needed")
          return
        }
        clearTimeout(lead)
        race.abort()
        this.#ways = [way, ...ways.filter(other => other !== way)]
        resolve(ws)
      }
      const failed = (way: Way, error: Error): void => {
        if (race.signal.aborted) return
        answered.delete(way)
        failures.set(way, error)
        if (failures.size === ways.length) reject(noneLeads(ways.map(one => failures.get(one)!)))
        else if (answered.size === 0) next()
      }
      next()
    })
  }
}

/** The words of `dial` that go before an address. */
const PREFIX = "cannot reach the parent at "

/**
 * One error for all, of the kind of the most hopeful: as long as one host was only not reached it may be tried again, whoever else
 * has an address of the parent's in a network of his own and refuses us there.
 */
function noneLeads(failures: readonly Error[]): Error {
  const [only, ...others] = failures
  if (only && others.length === 0) return only
  const unreached = failures.filter(error => error instanceof HostError)
  const best = unreached.find(error => !isRefused(error)) ?? unreached[0] ?? failures[0]
  const Kind = unreached.length > 0 ? HostError : HandshakeError
  const each = failures.map(({ message }) => `\n  - ${message.split("\n")[0]!.replace(PREFIX, "")}`)
  return new Kind(`cannot reach the parent at any of its ${failures.length} addresses:${each.join("")}`, {
    cause: best?.cause ?? best,
    hint: "can this node reach one of them? `slurm-flame doctor --submit` tries it with a real job",
  })
}
