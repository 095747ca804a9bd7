/** A line survives its connections: shown against a model, over a network in memory that loses what it likes. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AcceptedLine } from "../../src/parent/accepted-line.ts"
import { ConnectionError, type FlameError, HandshakeError, ProtocolError } from "../../src/shared/errors.ts"
import type { Packet } from "../../src/transport/connection.ts"
import { Line, type LineHandler } from "../../src/transport/line.ts"
import { CloseCode } from "../../src/transport/protocol.ts"
import { type FakeEnd, FakeWire } from "./fake-wire.ts"

type Name = "runner" | "parent"

const WINDOW = 8 * 1024 * 1024
const MIB = 1024 * 1024
const ZEROS = Buffer.alloc(MIB)
const NEVER = { text: unexpected, binary: unexpected, closed() {} }

function unexpected(): never {
  throw new ProtocolError("nothing may come here")
}

/** Packet number `n` of a side, of about `size` bytes. */
function packet(n: number, size: number): Packet {
  if (size === 0) return `[${n}]`
  const header = Buffer.from(`#${n}`)
  return size === 1 ? header : [header, ZEROS.subarray(0, size)]
}

/** The number of a packet; undefined for what is not one. */
function numberOf(data: Packet): number | undefined {
  const text = typeof data === "string" ? data : String(Buffer.isBuffer(data) ? data : data[0])
  return /^[[#]/.test(text) ? Number(/\d+/.exec(text)![0]) : undefined
}

function sizeOf(data: Packet): number {
  return typeof data === "string" || Buffer.isBuffer(data) ? data.length : data[0].length + data[1].byteLength
}

/** One end of the line, and everything that can be seen of it. */
class Half {
  readonly line: Line
  readonly accepted: AcceptedLine | undefined
  sent = 0
  /** Bytes of each packet that was sent. */
  readonly sizes: number[] = []
  /** Numbers of the packets that came. */
  readonly got: number[] = []
  checked = 0
  /** How many of its packets this end has been told have arrived. */
  told = 0
  readonly detached: FlameError[] = []
  readonly closed: FlameError[] = []
  readonly drains: { upTo: number; resolved: boolean }[] = []
  end: FakeEnd | undefined

  constructor(name: Name) {
    const handler: LineHandler = {
      text: data => this.got.push(numberOf(data)!),
      binary: pieces => {
        this.got.push(numberOf(pieces[0]!)!)
        return false
      },
      writable() {},
      detached: reason => this.detached.push(reason),
      closed: reason => this.closed.push(reason),
    }
    this.accepted = name === "parent" ? new AcceptedLine(handler) : undefined
    this.line = this.accepted?.line ?? new Line(handler)
  }

  send(size: number): void {
    const data = packet(this.sent++, size)
    this.sizes.push(sizeOf(data))
    this.line.send(data)
  }

  drain(): void {
    const drain = { upTo: this.sent, resolved: false }
    this.drains.push(drain)
    void this.line.drained().then(() => {
      drain.resolved = true
    })
  }
}

/** Both ends, and every connection there has been. */
class World {
  readonly runner = new Half("runner")
  readonly parent = new Half("parent")
  readonly wires: FakeWire[] = []

  constructor() {
    const wire = new FakeWire(NEVER, NEVER)
    this.wires.push(wire)
    for (const name of ["parent", "runner"] as const) {
      this[name].end = wire[name]
      this[name].line.attach(wire[name].connection, 0)
    }
  }

  /** A hello with the runner's count; the parent answers it when it comes, and the runner goes on when the answer comes. */
  dial(): void {
    const { runner, parent } = this
    if (runner.line.over) return
    runner.line.detach(new ConnectionError("another connection is there"))
    for (const wire of this.wires) if (wire.runner.open) wire.runner.abort(new ConnectionError("given up"))
    const wire: FakeWire = new FakeWire(
      {
        text: data => {
          const { received } = JSON.parse(data) as { received: number }
          runner.line.attach(wire.runner.connection, received)
          runner.end = wire.runner
          runner.told = Math.max(runner.told, received)
        },
        binary: unexpected,
        closed() {},
      },
      {
        text: data => {
          const resume = JSON.parse(data) as { line: string; received: number }
          if (resume.received < parent.told) {
            // Given up long ago, and late: it is turned away and nothing else happens.
            expect(() => parent.accepted!.resume(wire.parent.connection, resume)).toThrow(HandshakeError)
            throw new HandshakeError("late")
          }
          parent.accepted!.resume(wire.parent.connection, resume)
          parent.end = wire.parent
          parent.told = Math.max(parent.told, resume.received)
        },
        binary: unexpected,
        closed() {},
      },
    )
    this.wires.push(wire)
    wire.runner.send(JSON.stringify({ line: parent.accepted!.name, received: runner.line.received }))
  }

  /** One message on `wire` arrives at `name`; what it acknowledges is noted. */
  deliver(wire: FakeWire, name: Name): boolean {
    const end = wire[name]
    const item = end.inbox[0]
    if (item && "packet" in item && end.open && this[name].end === end && !this[name].line.over) {
      const data = item.packet
      if (typeof data === "string" && data.startsWith("A")) this[name].told = Number(data.slice(1))
    }
    return end.deliver()
  }

  /** Everything that is on its way arrives, until nothing is. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const wire of this.wires) {
        for (const name of ["runner", "parent"] as const) while (this.deliver(wire, name)) moved = true
      }
    }
  }

  check(): void {
    for (const name of ["runner", "parent"] as const) {
      const half = this[name]
      const other = this[name === "runner" ? "parent" : "runner"]
      for (; half.checked < half.got.length; half.checked++) {
        const n = half.got[half.checked]
        if (n !== half.checked) throw new Error(`the ${name} got ${n} in place of ${half.checked}`)
      }
      if (half.got.length > other.sent) throw new Error("more came than was sent")
      if (half.told > other.got.length)
        throw new Error(`the ${name} was told of ${half.told}, ${other.got.length} came`)
      for (const drain of half.drains) {
        if (drain.resolved && other.got.length < drain.upTo && !half.line.over) throw new Error("drained too early")
        if (!drain.resolved && half.told === half.sent) throw new Error("all has arrived, and drained() waits")
      }
      this.#checkWindow(half)
    }
  }

  /** On one connection no more than the window, and the packet that fills it, is on its way. */
  #checkWindow({ end, told, sizes }: Half): void {
    if (!end) return
    let last = -1
    for (const sent of end.sent) last = Math.max(last, numberOf(sent) ?? -1)
    let bytes = 0
    for (let n = told; n < last; n++) bytes += sizes[n]!
    if (bytes >= WINDOW) throw new Error(`${bytes} bytes on their way before the last packet`)
  }
}

const side = fc.constantFrom<Name>("runner", "parent")
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      side,
      n: fc.integer({ min: 1, max: 40 }),
      size: fc.constantFrom(0, 0, 0, 1, 5_000, 200_000, MIB),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      side,
      n: fc.integer({ min: 1, max: 50 }),
      back: fc.constantFrom(0, 0, 0, 1, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), side, back: fc.constantFrom(0, 0, 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), side, keep: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("dial" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drain" as const), side }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function take(world: World, s: Step): void {
  switch (s.do) {
    case "send":
      for (let i = 0; i < s.n; i++) world[s.side].send(s.size)
      return
    case "deliver": {
      const wire = world.wires.at(-1 - s.back)
      for (let i = 0; wire && i < s.n && world.deliver(wire, s.side); i++);
      return
    }
    case "settle":
      world.settle()
      return
    case "cut":
      world.wires.at(-1 - s.back)?.[s.side].cut()
      return
    case "lose": {
      // Everything after a point is lost, and neither end hears of it.
      const end = world.wires.at(-1)![s.side]
      end.inbox.splice(s.keep)
      end.deaf = true
      return
    }
    case "dial":
      world.dial()
      return
    case "drain":
      world[s.side].drain()
      return
  }
}

/** What was resolved has been heard of. */
async function reactions(): Promise<void> {
  for (let i = 0; i < 5; i++) await null
}

describe("a line over a network that loses what it likes", () => {
  it("brings each packet once and in order, keeps to its window, and says truly what has arrived", async () => {
    let cuts = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async steps => {
        const world = new World()
        for (const s of steps) {
          take(world, s)
          if (world.runner.drains.length + world.parent.drains.length > 0) await reactions()
          world.check()
        }
        cuts += world.wires.length - 1
        // A network that works again: one more connection, and all there ever was has come.
        world.runner.drain()
        world.parent.drain()
        world.dial()
        world.settle()
        await reactions()
        world.check()
        for (const half of [world.runner, world.parent]) {
          expect(half.closed).toEqual([])
          expect(half.drains.every(d => d.resolved)).toBe(true)
        }
        expect(world.runner.got).toHaveLength(world.parent.sent)
        expect(world.parent.got).toHaveLength(world.runner.sent)
      }),
      { numRuns: 2_500 },
    )
    expect(cuts).toBeGreaterThan(2_500) // else the steps do not do what they are for
  })
})

/** A line that is up, and the other end of its connection. */
function lineUp(): { half: Half; peer: FakeEnd; end: FakeEnd } {
  const half = new Half("runner")
  const wire = new FakeWire(NEVER, NEVER)
  wire.parent.handOver({ text() {}, binary() {}, closed() {} })
  half.line.attach(wire.runner.connection, 0)
  return { half, peer: wire.parent, end: wire.runner }
}

/** Says `text` to `end` as its peer. */
function say(end: FakeEnd, text: string): void {
  end.peer.send(text)
  end.deliver()
}

describe("a count that cannot be", () => {
  it.each(["A4", "A-1", "A1.5", "A", "Ax", "ANaN", "A9007199254740993"])(
    "%s ends the line as a protocol error",
    text => {
      const { half, end } = lineUp()
      for (let i = 0; i < 3; i++) half.send(0)
      say(end, text)
      expect(half.closed).toEqual([expect.any(ProtocolError)])
      expect(end.closeCode).toBe(CloseCode.protocol)
      expect(half.line.over).toBe(true)
    },
  )

  it("is also one that goes back", () => {
    const { half, end } = lineUp()
    for (let i = 0; i < 3; i++) half.send(0)
    say(end, "A2")
    expect(half.closed).toEqual([])
    say(end, "A1")
    expect(half.closed[0]?.message).toBe("the peer acknowledges 1 packets; 2 to 3 would be right")
  })

  it("is also one of packets that wait for the window", () => {
    const { half, end } = lineUp()
    for (let i = 0; i < 10; i++) half.send(MIB) // 8 are on their way
    say(end, "A9")
    expect(half.closed).toEqual([expect.any(ProtocolError)])
  })

  it("in a resumption ends the line that it names, and leaves an old one alone", () => {
    const half = new Half("parent")
    const { line } = half
    const accepted = half.accepted!
    const first = new FakeWire(NEVER, NEVER)
    line.attach(first.parent.connection, 0)
    for (let i = 0; i < 3; i++) half.send(0)
    say(first.parent, "A2")
    const second = new FakeWire(NEVER, NEVER)
    // It was on its way while the line went on: whoever said it has heard more since.
    expect(() => accepted.resume(second.parent.connection, { line: accepted.name, received: 1 })).toThrow(
      HandshakeError,
    )
    expect(() => accepted.resume(second.parent.connection, { line: "another", received: 2 })).toThrow(HandshakeError)
    expect(line.up).toBe(true)
    expect(first.parent.open).toBe(true)
    expect(second.parent.sent).toEqual([])
    expect(() => accepted.resume(second.parent.connection, { line: accepted.name, received: 4 })).toThrow(ProtocolError)
    expect(half.closed).toEqual([expect.any(ProtocolError)])
    expect(first.parent.open).toBe(false)
  })
})

describe("a connection that was replaced", () => {
  it("is closed as such, and what still comes over it is not heard", () => {
    const { half, peer, end } = lineUp()
    peer.send("[0]")
    const next = new FakeWire(NEVER, NEVER)
    half.line.attach(next.runner.connection, 0)
    expect(end.closeCode).toBe(CloseCode.superseded)
    end.deliver()
    expect(half.got).toEqual([])
    next.parent.send("[0]")
    next.runner.deliver()
    expect(half.got).toEqual([0])
    end.cut()
    expect(half.detached).toEqual([])
    expect(half.line.up).toBe(true)
  })
})

describe("a line nobody has heard of", () => {
  it("may be begun anew until anything has come over it", () => {
    const half = new Half("parent")
    const accepted = half.accepted!
    expect(accepted.forgotten).toBe(true)
    const first = new FakeWire(NEVER, NEVER)
    half.line.attach(first.parent.connection, 0)
    expect(accepted.forgotten).toBe(false)
    first.parent.cut()
    expect(accepted.forgotten).toBe(true)
    const second = new FakeWire(NEVER, NEVER)
    half.line.attach(second.parent.connection, 0)
    say(second.parent, "A0") // the dialling end confirms that it was welcomed
    second.parent.cut()
    expect(accepted.forgotten).toBe(false)
  })
})

describe("a line that is over", () => {
  it("delivers nothing, sends nothing, and takes no other connection", async () => {
    const { half, peer, end } = lineUp()
    half.send(0)
    const drained = half.line.drained()
    peer.send("[0]")
    half.line.fail(new ConnectionError("over"))
    end.deliver()
    half.line.send("[1]")
    expect(half.got).toEqual([])
    expect(end.sent.map(numberOf)).toEqual([0, undefined])
    expect(half.closed).toHaveLength(1)
    const wire = new FakeWire(NEVER, NEVER)
    expect(() => half.line.attach(wire.runner.connection, 0)).toThrow(ProtocolError)
    half.line.close(CloseCode.bye, new ConnectionError("again"))
    half.line.fail(new ConnectionError("again"))
    expect(half.closed).toHaveLength(1)
    await drained
    await half.line.drained()
    await half.line.delivered(1_000_000)
  })

  it("is not resumed when the peer ended it, and is when it was cut", () => {
    const cut = lineUp()
    cut.peer.abort(new ConnectionError("gone"))
    cut.end.deliver()
    expect(cut.half.detached).toHaveLength(1)
    expect(cut.half.line.over).toBe(false)
    const ended = lineUp()
    ended.peer.close(CloseCode.bye, new ConnectionError("bye"))
    ended.end.deliver()
    expect(ended.half.detached).toEqual([])
    expect(ended.half.closed).toHaveLength(1)
  })

  it("is ended by a packet that cannot be handled, and hears nothing after it", () => {
    const wire = new FakeWire(NEVER, NEVER)
    const closed: FlameError[] = []
    let heard = 0
    const line = new Line({
      text() {
        heard += 1
        throw new ProtocolError("not that")
      },
      binary: () => false,
      writable() {},
      detached: reason => expect.fail(`it waits for another connection: ${reason.message}`),
      closed: reason => closed.push(reason),
    })
    line.attach(wire.runner.connection, 0)
    say(wire.runner, "[0]")
    say(wire.runner, "[1]")
    expect(heard).toBe(1)
    expect(closed).toEqual([new ProtocolError("not that")])
    expect(wire.runner.closeCode).toBe(CloseCode.protocol)
  })
})

describe("delivered()", () => {
  it("waits for the peer, and not for one that is silent while all is with the kernel", async () => {
    const { half, end } = lineUp()
    half.send(0)
    const patient = half.line.delivered(1_000_000)
    expect(await Promise.race([patient.then(() => "delivered"), reactions()])).toBeUndefined()
    say(end, "A1")
    await patient
    half.send(0)
    await half.line.delivered(1)
  })

  it("waits while something is not with the kernel, behind the window, or without a connection", async () => {
    const { half, end } = lineUp()
    half.send(0)
    end.buffered = 7
    let done = false
    const delivered = half.line.delivered(1).then(() => {
      done = true
    })
    const looks = async () => {
      for (let i = 0; i < 3; i++) await new Promise(resolve => setTimeout(resolve, 2))
    }
    await looks()
    expect(done).toBe(false)
    end.buffered = 0
    for (let i = 0; i < 9; i++) half.send(MIB)
    await looks()
    expect(done).toBe(false)
    end.cut()
    await looks()
    expect(done).toBe(false)
    const next = new FakeWire(NEVER, NEVER)
    half.line.attach(next.runner.connection, 9)
    await delivered
  })
})

describe("what acknowledgements cost", () => {
  it("is one short message for 64 packets, or for 128 KiB", () => {
    const { half, peer, end } = lineUp()
    const acks = () => end.sent.filter(data => typeof data === "string" && data.startsWith("A"))
    for (let i = 0; i < 640; i++) say(end, `[${i}]`)
    expect(acks()).toEqual(Array.from({ length: 10 }, (_, i) => `A${64 * (i + 1)}`))
    for (let i = 0; i < 8; i++) {
      peer.send([Buffer.from(`#${320 + i}`), ZEROS.subarray(0, 64 * 1024)])
      end.deliver()
    }
    expect(acks()).toHaveLength(14)
    expect(half.got).toHaveLength(648)
  })
})
