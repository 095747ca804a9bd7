/**
 * One open WebSocket between two of our processes: text messages are control, binary messages are frames. Owns the socket
 * and its single end: `closed` is told once, with the reason. Knows nothing of channels, runners or pools.
 */
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import { ConnectionError, type FlameError, HandshakeError, isFlameError, ProtocolError } from "../shared/errors.ts"
import { decodeFrame, encodeFrame, type Frame } from "./frame.ts"
import { CloseCode, type ControlMessage, MAX_HELLO_BYTES, parseControl } from "./protocol.ts"

export interface ConnectionHandler {
  /** Throwing closes the connection: a HandshakeError as a refusal, anything else as a protocol error. */
  control(message: ControlMessage): void
  frame(frame: Frame): void
  /** The connection is over, for this reason. Called once. */
  closed(reason: FlameError): void
}

/** ws cuts nothing: a close reason over 123 bytes throws. */
function closeReason(text: string): string {
  let end = Math.min(text.length, 123)
  while (Buffer.byteLength(text.slice(0, end)) > 123) end--
  return text.slice(0, end)
}

function peerClosed(code: number, reason: string): FlameError {
  if (code === CloseCode.protocol) return new ProtocolError(`the peer closed: ${reason}`)
  if (code === CloseCode.refused) return new HandshakeError(`the peer refused: ${reason}`)
  const words = reason === "" ? `code ${code}` : `${reason} (code ${code})`
  return new ConnectionError(
    code === 1006 ? "the connection was cut" : `the peer closed the connection: ${words}`,
    {},
    code,
  )
}

export class Connection {
  readonly #ws: WebSocket
  readonly #kind: "control" | "data"
  readonly #handler: ConnectionHandler
  #over = false
  #greeted: boolean
  #lastError: Error | undefined

  /**
   * @param greeted False until the peer's hello has been accepted: till then one small text message is all it may send.
   */
  constructor(ws: WebSocket, kind: "control" | "data", greeted: boolean, handler: ConnectionHandler) {
    this.#ws = ws
    this.#kind = kind
    this.#greeted = greeted
    this.#handler = handler
    ws.binaryType = "nodebuffer"
    ws.on("message", (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    ws.on("error", error => {
      this.#lastError = error // 'close' follows
    })
    ws.on("close", (code, reason) => {
      const cause = this.#lastError
      const why = peerClosed(code, reason.toString())
      this.#finish(cause ? new ConnectionError(`the connection failed: ${cause.message}`, { cause }) : why)
    })
  }

  /** False once `closed` was told. */
  get open(): boolean {
    return !this.#over
  }

  /** The hello was accepted: from now on the peer may send everything. */
  greet(): void {
    this.#greeted = true
  }

  /** Sends a control message. On a closed connection this does nothing: its end has been told already. */
  send(message: ControlMessage): void {
    if (!this.#over) this.#ws.send(JSON.stringify(message))
  }

  /** Sends one frame. @throws PayloadTooLargeError */
  sendFrame(channel: number, json: string, rich: boolean, parts: readonly Uint8Array[]): void {
    const data = encodeFrame(channel, json, rich, parts)
    if (!this.#over) this.#ws.send(data)
  }

  /** Bytes handed to the socket and not yet taken by the kernel. */
  get buffered(): number {
    return this.#ws.bufferedAmount
  }

  /** Bytes received since the connection was made, as far as this process has read them. */
  get bytesRead(): number {
    return (this.#ws as unknown as { _socket?: Socket | null })._socket?.bytesRead ?? 0
  }

  /** Sends a ping; `pong` is called when its answer is here. */
  ping(): void {
    if (!this.#over) this.#ws.ping()
  }

  onPong(listener: () => void): void {
    this.#ws.on("pong", listener)
  }

  /** Anything the peer's machine sent, pings included: it lives. */
  onPing(listener: () => void): void {
    this.#ws.on("ping", listener)
  }

  /** Ends the connection after what was sent. Everyone on this side hears `reason` at once. */
  close(code: number, reason: FlameError): void {
    if (this.#over) return
    this.#ws.close(code, closeReason(reason.message))
    this.#finish(reason)
  }

  /** Ends the connection now, without waiting for what is still in buffers. */
  abort(reason: FlameError): void {
    if (this.#over) return
    this.#ws.terminate()
    this.#finish(reason)
  }

  /** Resolves when all that was sent is with the kernel, or the connection is over. */
  async flush(): Promise<void> {
    if (this.#over) return
    await new Promise<void>(resolve => {
      this.#ws.once("close", resolve)
      this.#ws.ping(undefined, undefined, () => resolve()) // ws sends in order: its callback comes after all before it
    })
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#over) return
    try {
      if (!this.#greeted && (isBinary || data.length > MAX_HELLO_BYTES)) {
        throw new ProtocolError(
          `the first message is not a hello (${isBinary ? "binary" : "text"}, ${data.length} bytes)`,
        )
      }
      if (isBinary) this.#handler.frame(decodeFrame(data))
      else this.#handler.control(parseControl(data.toString(), this.#kind))
    } catch (error) {
      const reason = isFlameError(error) ? error : new ProtocolError("a message could not be handled", { cause: error })
      this.close(reason instanceof HandshakeError ? CloseCode.refused : CloseCode.protocol, reason)
    }
  }

  #finish(reason: FlameError): void {
    if (this.#over) return
    this.#over = true
    this.#handler.closed(reason)
  }
}
