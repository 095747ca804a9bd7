/**
 * The parent's open port and who may come through it: one key for each live runner. Owns the listener and the keys; what an
 * accepted peer says is its runner's business.
 */
import type { Endpoint } from "../shared/address.ts"
import { type AcceptedPeer, Listener } from "../transport/listener.ts"
import type { Refusal } from "../transport/strangers.ts"

interface Claim {
  readonly key: Buffer
  readonly accept: (peer: AcceptedPeer) => void
}

/** The port as a runner's job needs it. */
export interface Port {
  /** Where it is open, in the order in which runners are to try. */
  readonly addresses: readonly Endpoint[]
  /** False: no TLS, a challenge with the same keys. Runners have to be told. */
  readonly tls: boolean
  /** From now on a peer that proves `key` is handed to `accept`. Returns the revocation. */
  admit(runnerId: string, key: Buffer, accept: (peer: AcceptedPeer) => void): () => void
}

export class Hub implements Port {
  readonly #claims = new Map<string, Claim>()
  readonly #listener: Listener

  readonly tls: boolean

  private constructor(claims: Map<string, Claim>, listener: Listener, tls: boolean) {
    this.#claims = claims
    this.#listener = listener
    this.tls = tls
  }

  /** @throws HostError when the address cannot be bound. */
  static async open(host: string, refused: (event: Refusal) => void, tls = true): Promise<Hub> {
    const claims = new Map<string, Claim>()
    const listener = await Listener.listen({
      host,
      tls,
      keyOf: identity => claims.get(identity)?.key,
      accept: peer => {
        const claim = claims.get(peer.identity)
        if (claim) claim.accept(peer)
        else peer.ws.terminate() // revoked between the handshake and now
      },
      refused,
    })
    listener.unref()
    return new Hub(claims, listener, tls)
  }

  get addresses(): readonly [Endpoint] {
    return [{ host: this.#listener.host, port: this.#listener.port }]
  }

  /** @throws Error when a runner of that id is admitted already: another pool's key must never be replaced. */
  admit(runnerId: string, key: Buffer, accept: (peer: AcceptedPeer) => void): () => void {
    if (this.#claims.has(runnerId)) throw new Error(`a runner of the id ${runnerId} is admitted already`)
    const claim = { key, accept }
    this.#claims.set(runnerId, claim)
    return () => {
      // A revocation that comes twice must not be that of whoever has the id by then.
      if (this.#claims.get(runnerId) === claim) this.#claims.delete(runnerId)
    }
  }

  close(): void {
    this.#claims.clear()
    this.#listener.close()
  }
}
