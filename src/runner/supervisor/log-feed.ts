/**
 * What the worker writes, as lines for the parent, if it listens. Owns the lines that wait to be sent, and forgets the oldest of them
 * when they come faster than they may leave: a worker that writes a gigabyte fills no memory here, no line to the parent, and
 * does not keep the parent busy. Knows no process and no socket.
 */
import type { LogStream } from "../../transport/protocol.ts"
import { LineCutter } from "./line-cutter.ts"

/** What sends the lines. */
export interface LogWire {
  /** Sends lines of one stream. @returns the number of the packet */
  send(stream: LogStream, lines: string[]): number
  /** Packets below this number have arrived. */
  readonly acknowledged: number
}

/** Characters that wait here. */
const MAX_WAITING = 64 * 1024
/** Characters on their way. More than after what the parent acknowledges by itself (128 KiB), or it would never go on. */
const WINDOW = 256 * 1024
/** Characters of one message. */
const BATCH = 32 * 1024
/** Characters a second, and at once. What the parent has to do for a runner is bounded by it, however many it has. */
const RATE = 1024 * 1024
/** Until it is looked again whether there is room. */
const PAUSE_MS = 100
/** A line costs something even if it is empty. */
const LINE_COST = 32
/** Its quotes and comma: a window must not count more than the parent does. */
const LINE_OVERHEAD = 3

interface Line {
  readonly stream: LogStream
  readonly text: string
}

const costOf = ({ text }: Line): number => text.length + LINE_COST

export class LogFeed {
  /** Undecided until the parent has answered: what is written before that is kept, as far as there is room. */
  #wanted: boolean | undefined
  #wire: LogWire | undefined
  #cutters: Record<LogStream, LineCutter>
  #waiting: Line[] = []
  /** Where the first of those is. */
  #first = 0
  #size = 0
  readonly #dropped: Record<LogStream, number> = { stdout: 0, stderr: 0 }
  readonly #underWay: { readonly number: number; readonly size: number }[] = []
  #sizeUnderWay = 0
  #allowance = RATE
  #allowedAt = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor() {
    this.#cutters = this.#newCutters()
  }

  /** Bytes that the worker wrote. */
  push(stream: LogStream, chunk: Buffer): void {
    if (this.#wanted === false) return
    this.#cutters[stream].push(chunk)
    this.#flush()
  }

  /** The worker has ended: what it wrote last is sent before anything else is said, whether or not it is its turn. */
  end(): void {
    if (this.#wanted === false) return
    this.#cutters.stdout.end()
    this.#cutters.stderr.end()
    this.#flush(true)
  }

  connect(wire: LogWire): void {
    this.#wire = wire
  }

  /** The wire is gone. Another may come: what is written meanwhile waits for it, as at the start. */
  disconnect(): void {
    this.#wire = undefined
    this.#wanted = undefined
    this.#underWay.length = 0
    this.#sizeUnderWay = 0
  }

  /** Somebody listens, or nobody does any more. */
  want(wanted: boolean): void {
    this.#wanted = wanted
    if (wanted) return this.#flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#cutters = this.#newCutters() // who listens later is not told the end of a line that began before
    this.#waiting = []
    this.#first = 0
    this.#size = 0
    this.#dropped.stdout = 0
    this.#dropped.stderr = 0
  }

  /** There may be room on the wire. */
  writable(): void {
    if (this.#waiting.length > 0) this.#flush()
  }

  #newCutters(): Record<LogStream, LineCutter> {
    const cutter = (stream: LogStream) => new LineCutter(text => this.#add({ stream, text }))
    return { stdout: cutter("stdout"), stderr: cutter("stderr") }
  }

  #add(line: Line): void {
    this.#waiting.push(line)
    this.#size += costOf(line)
    while (this.#size > MAX_WAITING) {
      this.#flush() // one chunk may have more lines than may wait
      if (this.#size <= MAX_WAITING) return
      this.#dropped[this.#take().stream] += 1
    }
  }

  #take(): Line {
    const line = this.#waiting[this.#first]!
    this.#first += 1
    this.#size -= costOf(line)
    if (this.#first === this.#waiting.length || this.#first > 4_096) {
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    }
    return line
  }

  /** Sends what may leave now; the rest when there is room again. */
  #flush(all = false): void {
    if (!this.#wanted || !this.#wire) return
    while (this.#first < this.#waiting.length && (all || this.#mayLeave(this.#wire))) this.#sendBatch(this.#wire)
    if (this.#first < this.#waiting.length) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined
        this.#flush()
      }, PAUSE_MS).unref()
    }
  }

  #mayLeave({ acknowledged }: LogWire): boolean {
    while (this.#underWay.length > 0 && this.#underWay[0]!.number < acknowledged)
      this.#sizeUnderWay -= this.#underWay.shift()!.size
    const now = performance.now()
    this.#allowance = Math.min(RATE, this.#allowance + ((now - this.#allowedAt) / 1_000) * RATE)
    this.#allowedAt = now
    return this.#sizeUnderWay < WINDOW && this.#allowance >= Math.min(this.#size, BATCH)
  }

  #sendBatch(wire: LogWire): void {
    for (const stream of ["stdout", "stderr"] as const) this.#tellDropped(wire, stream)
    const { stream } = this.#waiting[this.#first]!
    const lines: string[] = []
    let size = 0
    while (this.#first < this.#waiting.length && this.#waiting[this.#first]!.stream === stream && size < BATCH) {
      const line = this.#take()
      lines.push(line.text)
      size += costOf(line)
    }
    this.#send(wire, stream, lines)
  }

  /** Before the lines that are left: the oldest ones were dropped. */
  #tellDropped(wire: LogWire, stream: LogStream): void {
    const count = this.#dropped[stream]
    if (count === 0) return
    this.#dropped[stream] = 0
    this.#send(wire, stream, [`… ${count} lines dropped`])
  }

  #send(wire: LogWire, stream: LogStream, lines: string[]): void {
    let chars = 0
    for (const text of lines) chars += text.length
    this.#allowance -= chars + lines.length * LINE_COST
    const size = chars + lines.length * LINE_OVERHEAD
    this.#sizeUnderWay += size
    this.#underWay.push({ number: wire.send(stream, lines), size })
  }
}
