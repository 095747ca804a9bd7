/**
 * TLS 1.3 with an external pre-shared key: the options for both ends. The identity is the runner id, the key 32 random bytes
 * made for that runner alone. Gives mutual authentication, encryption and forward secrecy (the key exchange stays ephemeral)
 * without any certificate. Knows no WebSocket.
 */
import { randomBytes } from "node:crypto"
import type { TLSSocket, TlsOptions } from "node:tls"

export const KEY_BYTES = 32

/** A new key for one runner. */
export function newKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

/** The PSK's hash must be SHA-256: OpenSSL binds an external PSK to it unless told otherwise. */
const CIPHERS = "TLS_AES_128_GCM_SHA256"

/**
 * Options for `https.createServer`. `keyOf` gives the key of an identity, or undefined for an unknown or revoked one;
 * `seen` hears which identity a socket proved, which is the only source of truth about who is on it; `unknown` of one that has no key.
 */
export function pskServerOptions(
  keyOf: (identity: string) => Buffer | undefined,
  seen: (socket: TLSSocket, identity: string) => void,
  unknown: (socket: TLSSocket, identity: string) => void = () => {},
): TlsOptions {
  return {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: CIPHERS,
    // A resumed session would not pass pskCallback: tickets would outlive a revoked key.
    sessionTimeout: 1,
    pskCallback(socket, identity) {
      const key = keyOf(identity)
      if (key === undefined) {
        unknown(socket, identity)
        return null
      }
      seen(socket, identity)
      return key
    },
  }
}

/** Options for the client end (`new WebSocket("wss://…", …)` passes them to `tls.connect`). */
export function pskClientOptions(identity: string, key: Buffer) {
  return {
    minVersion: "TLSv1.3" as const,
    maxVersion: "TLSv1.3" as const,
    ciphers: CIPHERS,
    pskCallback: () => ({ psk: key, identity }),
    // There is no certificate to check: a server without the key cannot finish the handshake.
    checkServerIdentity: () => undefined,
  }
}
