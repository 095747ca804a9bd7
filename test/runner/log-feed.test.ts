import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LogFeed } from "../../src/runner/supervisor/log-feed.ts"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A feed on a wire whose other end acknowledges when it is told to, as the parent does: after 128 KiB. */
function setUp({ wanted = true, answered = true } = {}) {
  const feed = new LogFeed()
  const sent: [string, string][] = []
  const wire = { acknowledged: 0, packets: 0, chars: 0 }
  const connect = () =>
    feed.connect({
      send(stream, lines) {
        for (const line of lines) sent.push([stream, line])
        wire.chars += JSON.stringify(lines).length
        return wire.packets++
      },
      get acknowledged() {
        return wire.acknowledged
      },
    })
  if (answered) {
    connect()
    feed.want(wanted)
  }
  const acknowledge = () => {
    wire.acknowledged = wire.packets
    feed.writable()
  }
  const texts = () => sent.map(([, line]) => line)
  /** Lines that came and lines that are said to be missing. */
  const account = () => {
    const dropped = texts().map(line => Number(/^… (\d+) lines dropped$/.exec(line)?.[1] ?? 0))
    const missing = dropped.reduce((sum, count) => sum + count, 0)
    return { missing, came: dropped.filter(count => count === 0).length }
  }
  return { feed, sent, texts, wire, connect, acknowledge, account }
}

const write = (feed: LogFeed, text: string) => feed.push("stdout", Buffer.from(text))

describe("LogFeed", () => {
  it("sends lines of both streams in the order in which they were complete", () => {
    const { feed, sent } = setUp()
    write(feed, "a\nb")
    feed.push("stderr", Buffer.from("c\n"))
    write(feed, "\nd")
    feed.end()
    expect(sent).toEqual([
      ["stdout", "a"],
      ["stderr", "c"],
      ["stdout", "b"],
      ["stdout", "d"],
    ])
  })

  it("sends nothing while nobody listens, and no half lines when somebody does", () => {
    const { feed, texts } = setUp({ wanted: false })
    write(feed, "a\nb")
    feed.want(true)
    write(feed, "c\n")
    feed.want(false)
    write(feed, "d\n")
    feed.end()
    expect(texts()).toEqual(["c"])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("keeps what is written before the parent has answered, as far as there is room", () => {
    const { feed, texts, connect, account } = setUp({ answered: false })
    for (let i = 0; i < 10_000; i++) write(feed, `line ${i} ${"x".repeat(90)}\n`)
    connect()
    feed.want(true)
    expect(texts()[0]).toMatch(/^… \d+ lines dropped$/)
    expect(texts().at(-1)).toMatch(/^line 9999 /)
    expect(account().came + account().missing).toBe(10_000)
    const late = setUp({ answered: false })
    write(late.feed, "a\n")
    late.connect()
    late.feed.want(false)
    expect(late.texts()).toEqual([])
  })

  it("leaves out the oldest when the parent does not acknowledge, and says how many", () => {
    const { feed, texts, wire, acknowledge, account } = setUp()
    for (let i = 0; i < 20_000; i++) write(feed, `line ${i} ${"x".repeat(90)}\n`)
    const chars = wire.chars
    expect(chars).toBeGreaterThan(128 * 1024) // or the parent would never acknowledge
    expect(chars).toBeLessThan(512 * 1024)
    acknowledge()
    expect(account()).toEqual({ came: expect.any(Number), missing: expect.any(Number) })
    expect(account().came + account().missing).toBe(20_000)
    expect(account().missing).toBeGreaterThan(10_000)
    expect(texts().at(-1)).toMatch(/^line 19999 /)
  })

  it("is never stuck on lines that are too short to be acknowledged by themselves", () => {
    const { feed, wire, account } = setUp()
    // What the parent acknowledges without being asked: after 64 packets, or 128 KiB.
    let at = { packets: 0, chars: 0 }
    for (let second = 0; second < 60; second++) {
      write(feed, "\n".repeat(5_000)) // few packets, and short ones
      vi.advanceTimersByTime(1_000)
      if (wire.packets - at.packets < 64 && wire.chars - at.chars < 128 * 1024) continue
      at = { packets: wire.packets, chars: wire.chars }
      wire.acknowledged = wire.packets
      feed.writable()
    }
    vi.advanceTimersByTime(10_000)
    expect(account().came + account().missing).toBe(300_000)
    expect(account().missing).toBe(0)
  })

  it("sends no more than about a MiB a second although the parent takes all, and the rest later by itself", () => {
    const { feed, wire, acknowledge, account, texts } = setUp()
    for (let i = 0; i < 100_000; i++) {
      write(feed, `line ${i} ${"x".repeat(90)}\n`)
      acknowledge()
    }
    expect(wire.chars).toBeLessThan(1.1 * 1024 * 1024)
    expect(texts().at(-1)).not.toMatch(/^line 99999 /)
    for (let i = 0; i < 20; i++) vi.advanceTimersByTime(100)
    expect(texts().at(-1)).toMatch(/^line 99999 /)
    expect(account().came + account().missing).toBe(100_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it("sends the last words of a worker at once, however much is on its way", () => {
    const { feed, texts } = setUp()
    for (let i = 0; i < 20_000; i++) write(feed, `line ${i} ${"x".repeat(90)}\n`)
    write(feed, "last words")
    expect(texts()).not.toContain("last words")
    feed.end()
    expect(texts().at(-1)).toBe("last words")
  })

  it("tells what was dropped of each stream in that stream", () => {
    const { feed, sent, acknowledge } = setUp()
    for (let i = 0; i < 10_000; i++) {
      write(feed, `out ${"x".repeat(90)}\n`)
      feed.push("stderr", Buffer.from(`err ${"x".repeat(90)}\n`))
    }
    acknowledge()
    const notices = sent.filter(([, line]) => line.startsWith("…")).map(([stream]) => stream)
    expect(new Set(notices)).toEqual(new Set(["stdout", "stderr"]))
  })
})
