/**
 * A hostile network in one TCP hop: it counts what it forwards and cuts, stalls or truncates it where a test says so. Knows
 * nothing of what the bytes mean.
 */
import { connect, createServer, type Server, type Socket } from "node:net"

/** `up`: towards the listener; `down`: towards who dialled. */
export type Direction = "up" | "down"

/** `rst`: both ends hear of it at once. `fin`: as if both had closed. `mute`: nothing more gets through, and nobody says so. */
export type Fault = "rst" | "fin" | "mute"

const HOST = "127.0.0.1"

/** One connection through the proxy. */
export class Passage {
  readonly #ends: Record<Direction, Socket>
  readonly #held: Record<Direction, Buffer[]> = { up: [], down: [] }
  readonly #muted: Record<Direction, boolean> = { up: false, down: false }
  /** Bytes forwarded so far. */
  readonly bytes: Record<Direction, number> = { up: 0, down: 0 }
  /** The first bytes that went up: without TLS, which path was asked for. */
  request = ""
  /** As long as it says so this connection alone is held; then `release()`. */
  detained: () => boolean = () => false
  #limits: Partial<Record<Direction, { at: number; fault: Fault; struck: () => void }>> = {}
  #ended = false

  /** @param held Called before anything is forwarded: true keeps it here. */
  constructor(
    readonly client: Socket,
    readonly server: Socket,
    private readonly held: () => boolean,
    private readonly delayMs: () => number,
  ) {
    this.#ends = { up: server, down: client }
    this.#join(client, "up")
    this.#join(server, "down")
  }

  get over(): boolean {
    return this.#ended
  }

  /** Nothing has happened to it. */
  get whole(): boolean {
    return !this.#ended && !this.#muted.up && !this.#muted.down
  }

  /** After so many more bytes in that direction the fault strikes; the rest of them is lost. */
  strikeAfter(direction: Direction, bytes: number, fault: Fault): Promise<void> {
    return new Promise(struck => {
      const limit = { at: this.bytes[direction] + bytes, fault, struck }
      this.#limits[direction] = limit
      if (bytes === 0) this.#strike(limit)
    })
  }

  cut(fault: Fault): void {
    if (fault === "mute") {
      this.#muted.up = true
      this.#muted.down = true
    } else if (!this.#ended) {
      this.#ended = true
      for (const socket of [this.client, this.server]) {
        if (fault === "rst") socket.resetAndDestroy()
        else socket.destroySoon()
      }
    }
  }

  /** Lets nothing more through in that direction. */
  mute(direction: Direction): void {
    this.#muted[direction] = true
  }

  /** What was kept goes on, in order. */
  release(): void {
    for (const direction of ["up", "down"] as const) {
      for (const chunk of this.#held[direction].splice(0)) this.#forward(direction, chunk)
    }
  }

  #join(from: Socket, direction: Direction): void {
    const to = this.#ends[direction]
    from.setNoDelay(true)
    from.on("error", () => {}) // 'close' follows
    from.on("data", chunk => {
      const ms = this.delayMs()
      if (ms > 0) setTimeout(() => this.#take(direction, chunk), ms)
      else this.#take(direction, chunk)
    })
    from.on("end", () => this.#whenFree(direction, () => to.end()))
    from.on("close", failed => this.#whenFree(direction, () => (failed ? to.resetAndDestroy() : to.destroySoon())))
    to.on("drain", () => from.resume())
  }

  /** An end is no faster than the bytes before it, and a silent network does not tell of it. */
  #whenFree(direction: Direction, tell: () => void): void {
    if (this.#ended || this.#muted[direction]) return
    if (this.#stopped || this.#held[direction].length > 0) setTimeout(() => this.#whenFree(direction, tell), 5)
    else if (this.delayMs() > 0) setTimeout(tell, this.delayMs())
    else tell()
  }

  #take(direction: Direction, chunk: Buffer): void {
    if (direction === "up" && this.request === "") this.request = chunk.toString("latin1", 0, 64)
    if (this.#stopped) this.#held[direction].push(chunk)
    else this.#forward(direction, chunk)
  }

  get #stopped(): boolean {
    return this.held() || this.detained()
  }

  #forward(direction: Direction, chunk: Buffer): void {
    if (this.#ended || this.#muted[direction]) return
    const limit = this.#limits[direction]
    const rest = limit ? limit.at - this.bytes[direction] : Number.POSITIVE_INFINITY
    const passed = chunk.length <= rest ? chunk : chunk.subarray(0, rest)
    this.bytes[direction] += passed.length
    const to = this.#ends[direction]
    const from = to === this.client ? this.server : this.client
    if (!to.destroyed && !to.write(passed)) from.pause()
    if (limit && passed.length === rest) this.#strike(limit)
  }

  #strike({ fault, struck }: { fault: Fault; struck: () => void }): void {
    this.#limits = {}
    // A reset overtakes what was written before it, and the bytes up to the limit are to arrive: but none after them.
    this.cut("mute")
    if (fault !== "mute") setImmediate(() => this.cut(fault))
    struck()
  }
}

export class LossyProxy {
  readonly #server: Server
  readonly #target: number
  readonly passages: Passage[] = []
  /** Milliseconds by which everything is late. */
  delayMs = 0
  #held = false
  #arrived: (() => void)[] = []
  #onPassage: ((passage: Passage, index: number) => void) | undefined

  private constructor(server: Server, target: number) {
    this.#server = server
    this.#target = target
  }

  /** A way to `target` on this host. */
  static async open(target: number): Promise<LossyProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const proxy = new LossyProxy(server, target)
    server.on("connection", client => proxy.#connect(client))
    await new Promise<void>(resolve => server.listen(0, HOST, resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** Called with every connection to come, before anything is forwarded. */
  onPassage(listener: (passage: Passage, index: number) => void): void {
    this.#onPassage = listener
  }

  /** The newest connection. */
  get last(): Passage {
    return this.passages.at(-1)!
  }

  /** Those that are open. */
  get open(): Passage[] {
    return this.passages.filter(p => !p.over && !p.client.destroyed && !p.server.destroyed)
  }

  /** Resolves when there has been another connection. */
  next(): Promise<void> {
    return new Promise(resolve => this.#arrived.push(resolve))
  }

  /** The link is down: nothing gets through on any connection, new ones included, and nobody hears of it. */
  hold(): void {
    this.#held = true
  }

  /** The link is up again: like TCP, it brings what could not be brought before. */
  release(): void {
    this.#held = false
    for (const passage of this.passages) passage.release()
  }

  cut(fault: Fault): void {
    for (const passage of this.open) passage.cut(fault)
  }

  close(): void {
    this.#server.close()
    for (const { client, server } of this.passages) {
      client.destroy()
      server.destroy()
    }
  }

  #connect(client: Socket): void {
    const server = connect({ port: this.#target, host: HOST, allowHalfOpen: true })
    const passage = new Passage(
      client,
      server,
      () => this.#held,
      () => this.delayMs,
    )
    this.passages.push(passage)
    this.#onPassage?.(passage, this.passages.length - 1)
    for (const tell of this.#arrived.splice(0)) tell()
  }
}
