/**
 * Maps driven at random: items end in any order, some fail, the reader takes when it likes, leaves or cancels when it likes, the
 * pool is scaled, or closed. Whatever happens: no item runs twice, the bounds hold, the order is kept, and it comes to an end.
 */
import fc from "fast-check"
import { expect, it } from "vitest"
import { CallAbortedError } from "../../src/shared/errors.ts"
import { FakeHost, mapOn, Numbers, quiet } from "./map-fakes.ts"

const script = fc.record({
  count: fc.integer({ min: 0, max: 30 }),
  input: fc.constantFrom("sync", "async", "promises"),
  order: fc.constantFrom("input", "completion"),
  onError: fc.constantFrom("throw", "settle"),
  capacity: fc.integer({ min: 1, max: 5 }),
  /** Items that fail. */
  bad: fc.uniqueArray(fc.nat(29), { maxLength: 3 }),
  /** Aborted work goes on for a while. */
  prompt: fc.boolean(),
  steps: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant("settle"), which: fc.nat(9) }) },
      { weight: 6, arbitrary: fc.record({ do: fc.constant("read"), which: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("scale"), which: fc.integer({ min: 1, max: 5 }) }) },
    ),
    { maxLength: 80 },
  ),
  /** How it is ended early, and after which step; most are not. */
  early: fc.option(fc.record({ how: fc.constantFrom("leave", "cancel", "close"), at: fc.nat(60) }), { freq: 2 }),
})

const CLOSED = new Error("closed")

type Script = typeof script extends fc.Arbitrary<infer S> ? S : never

async function play({ count, input, order, onError, capacity, bad, prompt, steps, early }: Script): Promise<void> {
  const numbers = new Numbers(count)
  const items =
    input === "sync" ? numbers : input === "async" ? numbers.later() : [...numbers].map(x => Promise.resolve(x))
  const host = new FakeHost(capacity)
  host.prompt = prompt
  const stream = mapOn(host, items, { order: order as "input", onError: onError as "throw" })
  const iterator = stream[Symbol.asyncIterator]()
  /** As the items ended, good or bad. */
  const ended: number[] = []
  const read: number[] = []
  let most = capacity
  let waiting = 0
  let end: { error?: unknown } | undefined
  let left: { error?: unknown } | undefined
  let errors = 0

  const next = () => {
    waiting += 1
    iterator.next().then(
      ({ done, value }) => {
        waiting -= 1
        if (done) end ??= {}
        else read.push(onError === "settle" ? (value as { index: number }).index : (value as number))
      },
      error => {
        waiting -= 1
        errors += 1
        end = { error } // also where another reader heard of the end a turn before
      },
    )
  }
  const settle = (which: number) => {
    const task = host.running[which % Math.max(1, host.running.length)]
    if (!task) return
    const value = task.value as number
    ended.push(value)
    if (bad.includes(value)) task.reject(value)
    else task.resolve(value)
  }
  const check = () => {
    expect(host.running.length, "under way").toBeLessThanOrEqual(most)
    expect(host.started - read.length, "under way or unread").toBeLessThanOrEqual(2 * most)
    if (input !== "promises")
      expect(numbers.pulled, "read before it can be started").toBeLessThanOrEqual(host.started + 1)
    if (order === "input") expect(read).toEqual(read.map((_, i) => i))
  }
  const leaveEarly = () => {
    if (early!.how === "cancel") stream.cancel("enough")
    else if (early!.how === "close") host.close(CLOSED)
    else {
      iterator.return!().then(
        () => (left = {}),
        error => (left = { error }),
      )
    }
  }

  for (const [i, step] of steps.entries()) {
    if (early?.at === i) leaveEarly()
    if (step.do === "read") next()
    else if (step.do === "settle") settle(step.which)
    else {
      most = Math.max(most, step.which)
      host.scale(step.which)
    }
    await quiet()
    check()
  }
  // Whatever is left is done; it must come to an end, and within as many steps as there are items.
  for (let i = 0; i < 3 * count + 10; i++) {
    if (end === undefined && waiting === 0) next()
    settle(0)
    await quiet()
    check()
  }

  expect(end, "it ended").toBeDefined()
  expect(waiting, "nobody waits").toBe(0)
  expect(host.running, "nothing runs").toEqual([])
  expect(host.listeners.size).toBe(0)
  expect(host.started, "no item runs twice").toBe(new Set(host.ran).size)
  expect(new Set(read).size, "no result is read twice").toBe(read.length)
  expect(errors, "it throws once at most").toBeLessThanOrEqual(1)
  if (order === "completion") expect(read, "in order of completion").toEqual(ended.filter(x => read.includes(x)))
  expect(stream.progress.running).toBe(0)

  const failed = ended.find(value => bad.includes(value))
  const told = end!.error
  if (left !== undefined) expect(left.error).toBeUndefined()
  if (told instanceof CallAbortedError) expect([early?.how, told.cause]).toEqual(["cancel", "enough"])
  else if (told === CLOSED) expect(early?.how).toBe("close")
  else if (onError === "throw" && failed !== undefined && (left === undefined || told !== undefined)) {
    expect(told).toBe(failed) // who left may have heard of it before, or not
  } else expect(told).toBeUndefined()
  if (told === undefined && left === undefined) {
    expect(
      read.toSorted((a, b) => a - b),
      "every item",
    ).toEqual(Array.from({ length: count }, (_, i) => i))
  }
}

it("a map keeps what it promises, whatever happens when", async () => {
  await fc.assert(fc.asyncProperty(script, play), { numRuns: 500 })
}, 60_000)
