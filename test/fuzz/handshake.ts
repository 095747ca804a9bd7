/**
 * Bytes that a stranger may send to the open port: random ones, broken TLS, broken HTTP, broken WebSocket frames with broken
 * proofs in them. Makes inputs and sends them; what must hold meanwhile is for the caller to look at.
 */
import { connect } from "node:net"
import { DATA_PATH, SUBPROTOCOL } from "../../src/transport/protocol.ts"
import { Dice } from "./dice.ts"

export class Fuzzer {
  readonly #dice: Dice
  readonly #hello: Buffer

  /** @param clientHello The first flight of a real client: what mutations of TLS begin with. */
  constructor(seed: number, clientHello: Buffer) {
    this.#dice = new Dice(seed)
    this.#hello = clientHello
  }

  /** One input, of a kind that is met more often where more can go wrong. */
  input(tls: boolean): Buffer {
    const kinds = tls
      ? [this.noise, this.record, this.tls, this.tls, this.tls, this.http]
      : [this.noise, this.tls, this.http, this.http, this.proof, this.proof, this.frames]
    return this.#dice.pick(kinds).call(this)
  }

  /** Random bytes. */
  noise(): Buffer {
    return this.#dice.bytes(this.#dice.below(2_000))
  }

  /** A TLS record with anything in it. */
  record(): Buffer {
    const body = this.#dice.bytes(this.#dice.below(600))
    const head = Buffer.from([this.#dice.pick([0x14, 0x15, 0x16, 0x17, 0x18]), 3, this.#dice.below(5), 0, 0])
    head.writeUInt16BE(this.#dice.chance(0.7) ? body.length : this.#dice.below(0x10000), 3)
    return Buffer.concat([head, body])
  }

  /** A ClientHello that somebody has been at. */
  tls(): Buffer {
    return this.#dice.mutate(this.#hello)
  }

  /** An upgrade that is nearly one. */
  http(): Buffer {
    const text = this.#upgrade()
    return this.#dice.chance(0.5) ? this.#dice.mutate(Buffer.from(text)) : Buffer.from(text)
  }

  /** A good upgrade, and then a frame with a proof that is none. */
  proof(): Buffer {
    const json = JSON.stringify(this.#message())
    const text = this.#dice.chance(0.3) ? this.#dice.mutate(Buffer.from(json)) : Buffer.from(json)
    return Buffer.concat([Buffer.from(GOOD_UPGRADE), this.#frame(text)])
  }

  /** A good upgrade, and then frames that are nearly some. */
  frames(): Buffer {
    const frames = Array.from({ length: 1 + this.#dice.below(5) }, () =>
      this.#frame(this.#dice.bytes(this.#dice.below(300))),
    )
    return Buffer.concat([Buffer.from(GOOD_UPGRADE), this.#dice.mutate(Buffer.concat(frames))])
  }

  #upgrade(): string {
    const headers: [string, string][] = [
      ["host", "x"],
      ["connection", this.#dice.pick(["Upgrade", "upgrade, keep-alive", "close", ""])],
      ["upgrade", this.#dice.pick(["websocket", "WebSocket", "h2c", "websocket, x"])],
      ["sec-websocket-version", this.#dice.pick(["13", "8", "99", "", "13, 8"])],
      ["sec-websocket-key", this.#dice.pick(["dGhlIHNhbXBsZSBub25jZQ==", "short", "", "=".repeat(24)])],
      ["sec-websocket-protocol", this.#dice.pick([SUBPROTOCOL, "chat", `${SUBPROTOCOL}, chat`, ",", ""])],
      ["sec-websocket-extensions", this.#dice.pick(["permessage-deflate", "permessage-deflate; x=1;;", ",", "x"])],
      ["origin", "null"],
      ["content-length", this.#dice.pick(["0", "5", "-1", "99999999999999999999"])],
      ["transfer-encoding", this.#dice.pick(["chunked", "chunked, chunked", "identity"])],
      ["expect", "100-continue"],
      ["x", "y".repeat(this.#dice.below(6_000))],
      [this.#dice.bytes(5).toString("latin1"), this.#dice.bytes(5).toString("latin1")],
    ]
    const kept = headers.filter((_, i) => this.#dice.chance(i < 6 ? 0.95 : 0.15))
    if (this.#dice.chance(0.2) && kept.length > 0) kept.push(this.#dice.pick(kept))
    const method = this.#dice.pick(["GET", "GET", "GET", "POST", "CONNECT", "get", "PRI", "G E T"])
    const path = this.#dice.pick([
      DATA_PATH,
      DATA_PATH,
      "/",
      "*",
      "",
      `http://x${DATA_PATH}`,
      `/${"a".repeat(500)}`,
      "/%00",
    ])
    const version = this.#dice.pick(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", ""])
    return `${method} ${path} ${version}\r\n${kept.map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n`
  }

  #message(): unknown {
    const bytes32 = () => this.#dice.bytes(this.#dice.pick([32, 32, 32, 31, 0, 64])).toString("base64")
    const odd = () =>
      this.#dice.pick<unknown>([null, 0, -1, 1e308, "", [], {}, true, "x".repeat(2_000), { length: 32 }])
    const some = (good: () => unknown) => (this.#dice.chance(0.8) ? good() : odd())
    if (this.#dice.chance(0.1)) return odd()
    const fields: Record<string, unknown> = {
      t: some(() => this.#dice.pick(["proof", "proof", "proof", "challenge", "proven", "hello", "__proto__"])),
      identity: some(() => this.#dice.pick(["r", "", "__proto__", "constructor", "toString", "\ud800", "\u0000"])),
      nonce: some(bytes32),
      mac: some(bytes32),
    }
    for (const name of Object.keys(fields)) if (this.#dice.chance(0.05)) delete fields[name]
    return fields
  }

  /** A client's frame, most often one whose header is true. */
  #frame(payload: Buffer): Buffer {
    const opcode = this.#dice.chance(0.8) ? 0x81 : this.#dice.below(256)
    const masked = this.#dice.chance(0.95) ? 0x80 : 0
    const length = this.#dice.chance(0.9) ? payload.length : this.#dice.below(2 ** 31)
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
