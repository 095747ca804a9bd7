/**
 * The open ports of one program: one for each address and kind of line, shared by all pools that listen there. Owns who
 * shares which port, opens it for the first and closes it with the last; knows nothing of a pool but how it is told of strangers.
 */
import type { Endpoint } from "../shared/address.ts"
import { HostError } from "../shared/errors.ts"
import type { AcceptedPeer } from "../transport/listener.ts"
import type { Refusal } from "../transport/strangers.ts"
import type { CheckpointStore } from "./checkpoint-store.ts"
import { Hub, type Port } from "./hub.ts"
import { type Logger, silentLogger } from "./logger.ts"
import type { Persistence } from "./persistence.ts"
import type { Reaper } from "./reaper.ts"

/** A pool that shares a port. */
export interface PortUser {
  readonly logger: Logger
  /** Somebody was turned away at the port, whichever pool he wanted to reach. */
  refused(event: Refusal): void
  /** Its pool is closing: what dials then is one of its own that is just being ended, and no news to it. */
  closing(): boolean
}

/** What a pool is given beside its own settings. (Not one of them: their types are public, and these would lead to those of ws.) */
export interface Sharing {
  /** The ports of the program. Left out: the pool has one for itself. */
  readonly hubs?: HubShare
  /** Ends its jobs when the program exits without closing it. Left out: the pool has one for itself. */
  readonly reaper?: Reaper
  /** What the pool leaves to its next parent, if it persists. */
  readonly persistence?: Persistence
  /** Where it keeps what resumable calls go on from. Left out: in memory. */
  readonly checkpoints?: CheckpointStore
}

interface Shared {
  readonly hub: Promise<Hub>
  readonly users: Set<PortUser>
  /** Whose runners were admitted, also of old; null: a pool's that has left. Who comes late is no news to anybody else. */
  readonly owners: Map<string, PortUser | null>
}

/** Runners whose owner is remembered: those that come late do so soon. */
const MAX_OWNERS = 10_000

/** Made once for the program (`src/index.ts`) and handed to its pools; a pool without one has its ports for itself. */
export class HubShare {
  readonly #ports = new Map<string, Shared>()

  /**
   * A seat at the ports of these addresses, in this order; those are opened that there are not yet. Pools with and without TLS
   * have ports of their own. An address that cannot be bound is left out with a warning, as long as there is another.
   * @throws HostError when none can be bound; the next one to join tries again.
   */
  async join(hosts: readonly string[], tls: boolean, user: PortUser): Promise<HubSeat> {
    const entered = await Promise.allSettled(hosts.map(host => this.#enter(host, tls, user)))
    const doors = entered.flatMap(result => (result.status === "fulfilled" ? [result.value] : []))
    const failures = entered.flatMap(result => (result.status === "rejected" ? [result.reason as Error] : []))
    if (doors.length === 0) throw noneBound(failures)
    for (const error of failures) user.logger.warn({ error }, "an address is left out: runners will not be told of it")
    return new HubSeat(doors)
  }

  async #enter(host: string, tls: boolean, user: PortUser): Promise<Door> {
    const name = `${tls ? "tls" : "plain"} ${host}`
    const shared = this.#ports.get(name) ?? this.#open(name, host, tls)
    shared.users.add(user)
    const hub = await shared.hub
    return {
      hub,
      admitted: id => remember(shared.owners, id, user),
      leave: () => {
        shared.users.delete(user)
        for (const [id, owner] of shared.owners) if (owner === user) shared.owners.set(id, null)
        if (shared.users.size > 0) return
        this.#ports.delete(name)
        hub.close()
      },
    }
  }

  #open(name: string, host: string, tls: boolean): Shared {
    const users = new Set<PortUser>()
    const owners: Shared["owners"] = new Map()
    const hub = Hub.open(
      host,
      event => {
        const owner = event.claimed === undefined ? undefined : owners.get(event.claimed)
        tell(owner === undefined ? [...users] : owner === null ? [] : [owner], event)
      },
      tls,
    )
    const shared = { hub, users, owners }
    this.#ports.set(name, shared)
    hub.catch(() => this.#ports.delete(name)) // whoever joined is told; the address may be there at the next try
    return shared
  }
}

/** Each pool once; one line in one log, although every pool may have a logger of its own. */
function tell(users: readonly PortUser[], event: Refusal): void {
  const concerned = users.filter(user => !user.closing())
  const heard = concerned.find(user => user.logger !== silentLogger)
  heard?.logger.warn(event, "a connection was refused")
  for (const user of concerned) user.refused(event)
}

function remember(owners: Map<string, PortUser | null>, id: string, owner: PortUser): void {
  owners.set(id, owner)
  const [oldest] = owners.keys()
  if (owners.size > MAX_OWNERS && oldest !== undefined) owners.delete(oldest)
}

function noneBound(failures: readonly Error[]): Error {
  const [first] = failures
  if (failures.length === 1 && first) return first
  const each = failures.map(({ message }) => `\n  ${message.split("\n")[0]}`)
  return new HostError(`none of the ${failures.length} addresses can be listened on:${each.join("")}`, { cause: first })
}

/** A pool's way through one port. */
interface Door {
  readonly hub: Hub
  admitted(runnerId: string): void
  leave(): void
}

/** One pool's part of the ports that it shares: one for each address. */
export class HubSeat implements Port {
  readonly addresses: readonly Endpoint[]
  readonly tls: boolean
  readonly #doors: readonly Door[]
  readonly #revocations = new Set<() => void>()
  #left = false

  /** @param doors At least one; all of one kind. */
  constructor(doors: readonly Door[]) {
    this.#doors = doors
    this.addresses = doors.flatMap(({ hub }) => hub.addresses)
    this.tls = doors[0]!.hub.tls
  }

  admit(runnerId: string, key: Buffer, accept: (peer: AcceptedPeer) => void): () => void {
    const revoke = this.#doors.map(({ hub, admitted }) => {
      const one = hub.admit(runnerId, key, accept)
      admitted(runnerId)
      return one
    })
    const done = (): void => {
      this.#revocations.delete(done)
      for (const one of revoke) one()
    }
    this.#revocations.add(done)
    return done
  }

  /** Voids the keys of this pool's runners and leaves; with the last pool a port is closed. Harmless when called again. */
  close(): void {
    if (this.#left) return
    this.#left = true
    for (const revoke of this.#revocations) revoke()
    for (const { leave } of this.#doors) leave()
  }
}
