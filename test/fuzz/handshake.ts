/**
 * Bytes that a stranger may send to the open port: random ones, broken TLS, broken HTTP, broken WebSocket frames with broken
 * proofs in them. Makes inputs and sends them; what must hold meanwhile is for the caller to look at.
 */
import { connect } from "node:net"
import { DATA_PATH, SUBPROTOCOL } from "../../src/transport/protocol.ts"

/** Numbers in [0, 1) that a seed determines (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export class Fuzzer {
  readonly #next: () => number
  readonly #hello: Buffer

  /** @param clientHello The first flight of a real client: what mutations of TLS begin with. */
  constructor(seed: number, clientHello: Buffer) {
    this.#next = random(seed)
    this.#hello = clientHello
  }

  /** One input, of a kind that is met more often where more can go wrong. */
  input(tls: boolean): Buffer {
    const kinds = tls
      ? [this.noise, this.record, this.tls, this.tls, this.tls, this.http]
      : [this.noise, this.tls, this.http, this.http, this.proof, this.proof, this.frames]
    return this.#pick(kinds).call(this)
  }

  /** Random bytes. */
  noise(): Buffer {
    return this.#bytes(this.#below(2_000))
  }

  /** A TLS record with anything in it. */
  record(): Buffer {
    const body = this.#bytes(this.#below(600))
    const head = Buffer.from([this.#pick([0x14, 0x15, 0x16, 0x17, 0x18]), 3, this.#below(5), 0, 0])
    head.writeUInt16BE(this.#chance(0.7) ? body.length : this.#below(0x10000), 3)
    return Buffer.concat([head, body])
  }

  /** A ClientHello that somebody has been at. */
  tls(): Buffer {
    return this.#mutate(this.#hello)
  }

  /** An upgrade that is nearly one. */
  http(): Buffer {
    const text = this.#upgrade()
    return this.#chance(0.5) ? this.#mutate(Buffer.from(text)) : Buffer.from(text)
  }

  /** A good upgrade, and then a frame with a proof that is none. */
  proof(): Buffer {
    const json = JSON.stringify(this.#message())
    const text = this.#chance(0.3) ? this.#mutate(Buffer.from(json)) : Buffer.from(json)
    return Buffer.concat([Buffer.from(GOOD_UPGRADE), this.#frame(text)])
  }

  /** A good upgrade, and then frames that are nearly some. */
  frames(): Buffer {
    const frames = Array.from({ length: 1 + this.#below(5) }, () => this.#frame(this.#bytes(this.#below(300))))
    return Buffer.concat([Buffer.from(GOOD_UPGRADE), this.#mutate(Buffer.concat(frames))])
  }

  #upgrade(): string {
    const headers: [string, string][] = [
      ["host", "x"],
      ["connection", this.#pick(["Upgrade", "upgrade, keep-alive", "close", ""])],
      ["upgrade", this.#pick(["websocket", "WebSocket", "h2c", "websocket, x"])],
      ["sec-websocket-version", this.#pick(["13", "8", "99", "", "13, 8"])],
      ["sec-websocket-key", this.#pick(["dGhlIHNhbXBsZSBub25jZQ==", "short", "", "=".repeat(24)])],
      ["sec-websocket-protocol", this.#pick([SUBPROTOCOL, "chat", `${SUBPROTOCOL}, chat`, ",", ""])],
      ["sec-websocket-extensions", this.#pick(["permessage-deflate", "permessage-deflate; x=1;;", ",", "x"])],
      ["origin", "null"],
      ["content-length", this.#pick(["0", "5", "-1", "99999999999999999999"])],
      ["transfer-encoding", this.#pick(["chunked", "chunked, chunked", "identity"])],
      ["expect", "100-continue"],
      ["x", "y".repeat(this.#below(6_000))],
      [this.#bytes(5).toString("latin1"), this.#bytes(5).toString("latin1")],
    ]
    const kept = headers.filter((_, i) => this.#chance(i < 6 ? 0.95 : 0.15))
    if (this.#chance(0.2) && kept.length > 0) kept.push(this.#pick(kept))
    const method = this.#pick(["GET", "GET", "GET", "POST", "CONNECT", "get", "PRI", "G E T"])
    const path = this.#pick([DATA_PATH, DATA_PATH, "/", "*", "", `http://x${DATA_PATH}`, `/${"a".repeat(500)}`, "/%00"])
    const version = this.#pick(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", ""])
    return `${method} ${path} ${version}\r\n${kept.map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n`
  }

  #message(): unknown {
    const bytes32 = () => this.#bytes(this.#pick([32, 32, 32, 31, 0, 64])).toString("base64")
    const odd = () => this.#pick<unknown>([null, 0, -1, 1e308, "", [], {}, true, "x".repeat(2_000), { length: 32 }])
    const some = (good: () => unknown) => (this.#chance(0.8) ? good() : odd())
    if (this.#chance(0.1)) return odd()
    const fields: Record<string, unknown> = {
      t: some(() => this.#pick(["proof", "proof", "proof", "challenge", "proven", "hello", "__proto__"])),
      identity: some(() => this.#pick(["r", "", "__proto__", "constructor", "toString", "\ud800", "\u0000"])),
      nonce: some(bytes32),
      mac: some(bytes32),
    }
    for (const name of Object.keys(fields)) if (this.#chance(0.05)) delete fields[name]
    return fields
  }

  /** A client's frame, most often one whose header is true. */
  #frame(payload: Buffer): Buffer {
    const opcode = this.#chance(0.8) ? 0x81 : this.#below(256)
    const masked = this.#chance(0.95) ? 0x80 : 0
    const length = this.#chance(0.9) ? payload.length : this.#below(2 ** 31)
    const head = Buffer.alloc(14)
    head[0] = opcode
    let size = 2
    if (length < 126) head[1] = masked | length
    else if (length < 0x10000) {
      head[1] = masked | 126
      size = 2 + head.writeUInt16BE(length, 2) - 2
    } else {
      head[1] = masked | 127
      size = head.writeBigUInt64BE(BigInt(length), 2)
    }
    return Buffer.concat([head.subarray(0, size), Buffer.alloc(masked ? 4 : 0), payload])
  }

  /** Cut short, bits turned, bytes put in, taken out, doubled or set to what lengths are feared for. */
  #mutate(bytes: Buffer): Buffer {
    let out = Buffer.from(bytes)
    for (let i = 1 + this.#below(4); i > 0; i--) {
      const at = this.#below(out.length + 1)
      const to = Math.min(out.length, at + this.#below(40))
      switch (this.#below(6)) {
        case 0:
          out = out.subarray(0, at)
          break
        case 1:
          if (at < out.length) out[at]! ^= 1 << this.#below(8)
          break
        case 2:
          out = Buffer.concat([out.subarray(0, at), this.#bytes(this.#below(20)), out.subarray(at)])
          break
        case 3:
          out = Buffer.concat([out.subarray(0, at), out.subarray(to)])
          break
        case 4:
          out = Buffer.concat([out.subarray(0, to), out.subarray(at, to), out.subarray(to)])
          break
        default:
          if (at < out.length) out[at] = this.#pick([0, 0x7f, 0x80, 0xff])
      }
    }
    return out
  }

  #bytes(n: number): Buffer {
    return Buffer.from(Array.from({ length: n }, () => this.#below(256)))
  }
  #below(n: number): number {
    return Math.floor(this.#next() * n)
  }
  #chance(p: number): boolean {
    return this.#next() < p
  }
  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!
  }
}

const GOOD_UPGRADE = `GET ${DATA_PATH} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: ${SUBPROTOCOL}\r\n\r\n`

/** Sends one input on a connection of its own and ends it. Resolves when the other side has closed it too. */
export async function send(host: string, port: number, input: Buffer): Promise<void> {
  await new Promise<void>(resolve => {
    const socket = connect(port, host)
    socket.on("error", () => {}) // a stranger may be cut off in the middle of a word
    socket.once("close", () => resolve())
    socket.resume()
    socket.end(input)
  })
}
