/** What the transport benchmark says of a bar: a row that was not measured must never read "ok". */
import { expect, test } from "vitest"
import { type Bar, figure } from "../../bench/transport/figures.mjs"

/** The verdict on a peer that took 2, 3 and 4 where "ws" took 2 and "tcp" 1 in every round. */
function verdict(bars: Bar[], values: number[] | undefined = [2, 3, 4], why?: string): string {
  const against = { ws: [2, 2, 2], tcp: [1, 1, 1], gone: undefined }
  return figure({ what: "calls", peer: "ours", unit: "ms", values, against, bars, ...(why ? { why } : {}) }).verdict
}

test("the median of the ratios is held against the bar, which may be met exactly", () => {
  expect(verdict([{ of: "ws", atMost: 1.5 }])).toBe("ok")
  expect(verdict([{ of: "ws", atMost: 1.49 }])).toBe("MISS")
  expect(verdict([{ of: "ws", atLeast: 1.5 }])).toBe("ok")
  expect(verdict([{ of: "ws", atLeast: 1.51 }])).toBe("MISS")
})

test("a bar without a name is for the figure itself", () => {
  expect(verdict([{ atMost: 3 }])).toBe("ok")
  expect(verdict([{ atMost: 2.9 }])).toBe("MISS")
})

test("of several bars the missed ones are named", () => {
  const bars = [
    { of: "ws", atLeast: 1.1 },
    { of: "tcp", atLeast: 3.5 },
  ]
  expect(verdict(bars)).toBe("MISS (>= 3.5x tcp)")
})

test("what was not measured is not ok, and says why where that is known", () => {
  expect(verdict([{ of: "gone", atMost: 1 }])).toBe("not available: gone")
  expect(verdict([{ atMost: 1 }], [], "no option `tls`")).toBe("not available: no option `tls`")
  expect(verdict([{ of: "ws", atMost: 1 }], [Number.NaN])).toBe("MISS")
})

test("the bar is written beside it", () => {
  const bars = [{ of: "ws", atLeast: 0.8 }, { atMost: 8 }]
  expect(figure({ what: "calls", peer: "ours", unit: "ms", values: [1], bars }).bar).toBe(">= 0.8x ws, <= 8 ms")
})
