/** The loops that measure, with clients that are made up: what they count when a subject stalls, lies or fails. No timing is looked at. */
import { expect, test } from "vitest"
import type { Client } from "../../bench/suite/client.ts"
import { usually } from "../../bench/suite/groups/size.ts"
import { beside } from "../../bench/suite/works/beside.ts"
import { openLoop } from "../../bench/suite/works/open-loop.ts"
import { rate } from "../../bench/suite/works/rate.ts"

function client(own: Partial<Client>): Client {
  return {
    add: async (a, b) => a + b,
    sink: async bytes => bytes.byteLength,
    source: async length => new Uint8Array(length),
    close: async () => undefined,
    ...own,
  }
}

/** What some wait for until another opens it. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

const BESIDE = { bytes: 8, ms: 0, direction: "up", gapMs: 0.1 } as const

/** One of which small calls wait for the big message, and that for so many of them to have come. */
function blockedUntil(calls: number): Client {
  let came = 0
  const big = gate()
  return client({
    async add(a, b) {
      came += 1
      if (came === calls) big.open()
      await big.opened
      return a + b
    },
    async sink(bytes) {
      await big.opened
      return bytes.byteLength
    },
  })
}

test("a line that is blocked delays all the small calls that were due meanwhile, and each is counted", async () => {
  // A loop that waits for an answer would make one, and wait for ever here.
  const { small } = await beside(blockedUntil(20), BESIDE, false)
  expect(small.n).toBeGreaterThanOrEqual(20)
})

test("a big message that blocks the whole process leaves out no small call that was due meanwhile", async () => {
  const busy = client({
    async sink(bytes) {
      const until = performance.now() + 20
      while (performance.now() < until); // as encryption of all of it in one piece would
      return bytes.byteLength
    },
  })
  const { small } = await beside(busy, { ...BESIDE, gapMs: 1 }, false)
  expect(small.n).toBeGreaterThanOrEqual(20)
})

test("a small call that fails beside a big message fails the work, once the big one has ended", async () => {
  const big = gate()
  let ended = false
  const work = beside(
    client({
      async add() {
        setImmediate(big.open)
        throw new Error("the line broke")
      },
      async sink(bytes) {
        await big.opened
        ended = true
        return bytes.byteLength
      },
    }),
    BESIDE,
    false,
  )
  // Were it not handled while the big message is awaited, the process would end here.
  await expect(work).rejects.toThrow("the line broke")
  expect(ended).toBe(true)
})

test("a big message that fails fails the work, once the small calls have ended", async () => {
  let [open, most] = [0, 0]
  const broken = client({
    async add(a, b) {
      open += 1
      most = Math.max(most, open)
      await new Promise(setImmediate)
      open -= 1
      return a + b
    },
    sink: () => Promise.reject(new Error("too long")),
  })
  await expect(beside(broken, BESIDE, false)).rejects.toThrow("too long")
  expect(most).toBeGreaterThan(0)
  expect(open).toBe(0)
})

test("what is measured first is a matter of chance: neither order pays for the other always", async () => {
  const firsts = new Set<string>()
  for (let i = 0; i < 60; i++) {
    const order: string[] = []
    const watched = client({
      async add(a, b) {
        order.push("small")
        return a + b
      },
      async sink(bytes) {
        order.push("big")
        return bytes.byteLength
      },
    })
    await beside(watched, BESIDE)
    firsts.add(order[0]!)
  }
  expect([...firsts].sort()).toEqual(["big", "small"]) // by chance alone in all but one of 2 ** 59
})

test("the open loop makes every call that was due, and says when it fell behind", async () => {
  const { n, lateMs } = await openLoop(client({}), { rate: 10_000, ms: 5 })
  expect(n).toBe(50)
  expect(lateMs).toBeGreaterThanOrEqual(0)
})

test("a wrong sum is no call that ended", async () => {
  const liar = client({ add: async (a, b) => a + b + (a > 3 ? 1 : 0) })
  await expect(openLoop(liar, { rate: 10_000, ms: 5 })).rejects.toThrow("4 + 1 came back as 6")
  await expect(rate(liar, { lanes: 8, ms: 1_000 })).rejects.toThrow("came back as")
  await expect(beside(liar, { ...BESIDE, ms: 50 }, false)).rejects.toThrow("came back as")
})

test("whether a subject is too slow for larger messages is not for one slice of it to say", () => {
  expect(usually([50, 900_000, 60, null, 70])).toBe(65)
  expect(usually([null])).toBe(0)
})
