/**
 * One open WebSocket between two of our processes. Owns the socket and its single end: `closed` is told once, with the reason
 * and whether the other process may still be there. Knows no packet numbers (`Line` does), channels, runners or pools.
 */
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import { ConnectionError, type FlameError, HandshakeError, isFlameError, ProtocolError } from "../shared/errors.ts"
import { FencedError } from "./fenced.ts"
import { CloseCode, type ControlMessage, MAX_HELLO_BYTES } from "./protocol.ts"

export interface ConnectionHandler {
  /** Throwing closes the connection: a HandshakeError as a refusal, anything else as a protocol error. */
  text(data: string): void
  /** The pieces of one binary message, as they came: views of memory that is not kept. */
  binary(pieces: readonly Buffer[]): void
  /**
   * The connection is over, for this reason. Called once.
   * @param cut Nobody ended it: the network did, or the other process died. Both processes may live and go on over another.
   */
  closed(reason: FlameError, cut: boolean): void
}

/** What one WebSocket message is made of; two buffers are sent without being joined. `arrived`: the line's to call. */
export type Packet = string | Buffer | readonly [header: Buffer, body: Uint8Array, arrived?: () => void]

/** Somebody waits for an answer to a ping: to the one with these words, or to any. */
interface Question {
  readonly words: string | undefined
  answered(): void
}

/** ws cuts nothing: a close reason over 123 bytes throws. */
function closeReason(text: string): string {
  let end = Math.min(text.length, 123)
  while (Buffer.byteLength(text.slice(0, end)) > 123) end--
  return text.slice(0, end)
}

/** Closed by somebody who meant it. Without a close frame (1006) the line was cut; 1001 and 1005 say nothing. */
const CUT = new Set<number>([1001, 1005, 1006, CloseCode.heartbeat, CloseCode.superseded])

function peerClosed(code: number, reason: string): FlameError {
  if (code === CloseCode.protocol) return new ProtocolError(`the peer closed: ${reason}`)
  if (code === CloseCode.fenced) return new FencedError(`the peer refused: ${reason}`)
  if (code === CloseCode.refused) return new HandshakeError(`the peer refused: ${reason}`)
  const words = reason === "" ? `code ${code}` : `${reason} (code ${code})`
  return new ConnectionError(
    code === 1006 ? "the connection was cut" : `the peer closed the connection: ${words}`,
    {},
    code,
  )
}

function codeFor(reason: FlameError): number {
  if (reason instanceof FencedError) return CloseCode.fenced
  return reason instanceof HandshakeError ? CloseCode.refused : CloseCode.protocol
}

const FIRST = { fin: false, binary: true }
const LAST = { fin: true, binary: true }

export class Connection {
  readonly #ws: WebSocket
  #handler: ConnectionHandler
  #over = false
  #greeted: boolean
  #lastError: (Error & { code?: string }) | undefined
  /** Who waits for an answer, in the order in which they asked. */
  #questions: Question[] = []

  /**
   * @param greeted False until the peer's hello has been accepted: till then one small text message is all it may send.
   */
  constructor(ws: WebSocket, greeted: boolean, handler: ConnectionHandler) {
    this.#ws = ws
    this.#greeted = greeted
    this.#handler = handler
    // The pieces as they are: to join them would copy what is copied to its place anyway.
    ws.binaryType = "fragments"
    ws.on("message", (data, isBinary) => this.#onMessage(data as Buffer | Buffer[], isBinary))
    ws.on("error", error => {
      this.#lastError = error // 'close' follows
    })
    // One listener however many wait: a peer that is away for long is asked again and again.
    ws.on("pong", words => this.#onPong(words.toString()))
    ws.on("close", (code, reason) => {
      const cause = this.#lastError
      if (!cause) return this.#finish(peerClosed(code, reason.toString()), CUT.has(code))
      // What ws itself finds wrong with a peer's frames is no accident of the network.
      const wrong = cause.code?.startsWith("WS_ERR") === true
      const error = new ConnectionError(`the connection failed: ${cause.message}`, { cause })
      this.#finish(error, !wrong)
    })
  }

  /** False once `closed` was told. */
  get open(): boolean {
    return !this.#over
  }

  /** From now on `handler` is told instead of the one before. */
  handOver(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  /** The hello was accepted: from now on the peer may send everything. */
  greet(): void {
    this.#greeted = true
  }

  /** Sends a control message of this connection alone: a hello or its answer. On a closed connection this does nothing. */
  tell(message: ControlMessage): void {
    this.send(JSON.stringify(message))
  }

  /** Sends one message. On a closed connection this does nothing: its end has been told already. */
  send(packet: Packet): void {
    if (this.#over) return
    if (typeof packet === "string" || Buffer.isBuffer(packet)) {
      this.#ws.send(packet)
      return
    }
    this.#ws.send(packet[0], FIRST)
    this.#ws.send(packet[1], LAST)
  }

  /** Runs `fn`; what it sends goes to the kernel in one go. */
  together(fn: () => void): void {
    const socket = this.#socket
    if (!socket) return fn()
    socket.cork()
    try {
      fn()
    } finally {
      socket.uncork()
    }
  }

  /** Bytes that are not with the kernel yet. */
  get buffered(): number {
    return this.#ws.bufferedAmount
  }

  /** Bytes received since the connection was made, as far as this process has read them. */
  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0
  }

  /**
   * Sends a ping, with `words` in it: 125 bytes at most.
   * @param answered Called when an answer to any is here.
   */
  ping(words = "", answered?: () => void): void {
    if (this.#over) return
    if (answered) this.#questions.push({ words: undefined, answered })
    this.#ws.ping(words)
  }

  /**
   * Sends a ping with these words, 125 bytes at most, which nobody else asks with.
   * @param answered Called when the answer to this one is here, or to one that was asked later: the words come back.
   */
  ask(words: string, answered: () => void): void {
    if (this.#over) return
    this.#questions.push({ words, answered })
    this.#ws.ping(words)
  }

  /** Hears each ping of the peer, with what it says. */
  onPing(listener: (words: string) => void): void {
    this.#ws.on("ping", data => listener(data.toString()))
  }

  /** Ends the connection after what was sent. Everyone on this side hears `reason` at once. */
  close(code: number, reason: FlameError): void {
    if (this.#over) return
    this.#ws.close(code, closeReason(reason.message))
    this.#finish(reason, false)
  }

  /** Drops the connection now, without waiting for what is still in buffers. It counts as cut. */
  abort(reason: FlameError): void {
    if (this.#over) return
    this.#ws.terminate()
    this.#finish(reason, true)
  }

  /** The peer reads in order: it has read all questions before the one that it answers, whether it answers those or not. */
  #onPong(words: string): void {
    if (this.#over) return
    const asked = this.#questions
    const last = asked.findLastIndex(question => question.words === words)
    const isAnswered = (question: Question, index: number) => question.words === undefined || index <= last
    this.#questions = asked.filter((question, index) => !isAnswered(question, index))
    for (const { answered } of asked.filter(isAnswered)) answered()
  }

  get #socket(): Socket | undefined {
    return (this.#ws as unknown as { _socket?: Socket | null })._socket ?? undefined
  }

  #onMessage(data: Buffer | Buffer[], isBinary: boolean): void {
    if (this.#over) return
    try {
      if (isBinary) {
        if (!this.#greeted) throw new ProtocolError("the first message is not a hello (binary)")
        this.#handler.binary(data as Buffer[])
      } else {
        if (!this.#greeted && (data as Buffer).length > MAX_HELLO_BYTES) {
          throw new ProtocolError(`the first message is not a hello (${data.length} bytes)`)
        }
        this.#handler.text((data as Buffer).toString())
      }
    } catch (error) {
      const reason = isFlameError(error) ? error : new ProtocolError("a message could not be handled", { cause: error })
      this.close(codeFor(reason), reason)
    }
  }

  #finish(reason: FlameError, cut: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#questions = [] // nobody answers them any more
    this.#handler.closed(reason, cut)
  }
}
