/**
 * The sockets that are connected and not yet accepted: how many there may be, how long each has, and that each refusal is
 * told once. Knows nothing of how somebody becomes known.
 */
import type { Socket } from "node:net"

/**
 * Why somebody was turned away:
 * - `crowd`: too many others were waiting;
 * - `deadline`: not accepted in time;
 * - `hung-up`: left before it was accepted;
 * - `tls`: the TLS handshake failed (wrong key, unknown or revoked identity, a certificate, no TLS at all, a replay);
 * - `http`: no HTTP, or a plain request where an upgrade was wanted;
 * - `origin`, `path`, `subprotocol`: an upgrade, but not one of ours;
 * - `identity`: TLS without a proven key (a resumed session);
 * - `revoked`: the key was withdrawn during the handshake;
 * - `proof`: with `tls: false`, the challenge was not met (wrong key, unknown or revoked identity, a replay, noise);
 * - `flood`: more bytes than a peer may send before its hello was accepted.
 */
export type RefusalReason =
  | "crowd"
  | "deadline"
  | "hung-up"
  | "tls"
  | "http"
  | "origin"
  | "path"
  | "subprotocol"
  | "identity"
  | "revoked"
  | "proof"
  | "flood"

/** Somebody was turned away. */
export interface Refusal {
  readonly reason: RefusalReason
  /** For people. Holds what the stranger said, so it is shortened and holds no control characters. */
  readonly why: string
  /** Remote address and port. */
  readonly from: string
  /** The runner it claimed to be, where it claimed one. Anybody can claim anything. */
  readonly claimed?: string
}

/** A stranger chooses the words: they must not fill a log, nor move a terminal's cursor. */
const MAX_WHY = 200
const CONTROLS = /\p{C}/gu

interface Stranger {
  readonly socket: Socket
  readonly timer: NodeJS.Timeout
  /** It was reported. */
  refused: boolean
}

/** Remote address and port of a socket, which name it as long as it is open. */
export const peerName = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`

/** A refusal in words that can be logged. */
export function refusal(reason: RefusalReason, why: string, from: string, claimed?: string): Refusal {
  return { reason, why: shown(why), from, ...(claimed !== undefined && { claimed: shown(claimed) }) }
}

const shown = (text: string) => text.slice(0, MAX_WHY).replace(CONTROLS, "?")

export class Strangers {
  readonly #byName = new Map<string, Stranger>()
  readonly #limits: { handshakeMs: number; most: number }
  readonly #tell: (refusal: Refusal) => void

  /**
   * @param limits `handshakeMs`: from the connection to its acceptance; `most`: how many may wait at once.
   * @param tell Hears of each refused connection once.
   */
  constructor(limits: { handshakeMs: number; most: number }, tell: (refusal: Refusal) => void) {
    this.#limits = limits
    this.#tell = tell
  }

  /** A new connection: watched from now on, or dropped when there are too many. */
  add(socket: Socket): void {
    const name = peerName(socket)
    const { handshakeMs, most } = this.#limits
    if (socket.remoteAddress === undefined) {
      this.#tell(refusal("hung-up", "it hung up before it was accepted", "an address that is gone with it"))
      socket.destroy() // it has no name that a later event could be told from another's by
      return
    }
    if (this.#byName.size >= most) {
      this.#tell(refusal("crowd", `more than ${most} connections wait for a handshake`, name))
      socket.destroy()
      return
    }
    const timer = setTimeout(() => {
      this.refuse(name, "deadline", `no handshake within ${handshakeMs} ms`)
      socket.destroy()
    }, handshakeMs)
    timer.unref()
    this.#byName.set(name, { socket, timer, refused: false })
    socket.once("close", () => {
      if (this.#byName.get(name)?.socket !== socket) return
      this.refuse(name, "hung-up", "it hung up before it was accepted")
      this.settle(name)
    })
  }

  /** Tells of a connection that was not accepted yet, once; whatever else becomes of its socket is no news. */
  refuse(name: string, reason: RefusalReason, why: string, claimed?: string): void {
    const stranger = this.#byName.get(name)
    if (!stranger || stranger.refused) return
    stranger.refused = true
    this.#tell(refusal(reason, why, name, claimed))
  }

  /** It is no stranger any more: accepted, or gone. */
  settle(name: string): void {
    clearTimeout(this.#byName.get(name)?.timer)
    this.#byName.delete(name)
  }

  /** The bare TCP socket, while it is a stranger's. */
  socketOf(name: string): Socket | undefined {
    return this.#byName.get(name)?.socket
  }

  /** Drops them all, without a word. */
  close(): void {
    for (const { socket, timer } of this.#byName.values()) {
      clearTimeout(timer)
      socket.destroy()
    }
    this.#byName.clear()
  }
}
