/** Pings of a connection whose peer does not answer for long. */
import { afterEach, expect, test } from "vitest"
import { ConnectionError } from "../../src/shared/errors.ts"
import { deferred, TestHub } from "./link.ts"

let hub: TestHub
afterEach(() => hub.close())

test("all who asked are told when the peer answers, and however many ask they are no leak", async () => {
  hub = await TestHub.open()
  const { parent, runner } = await hub.link()
  const warnings: Error[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on("warning", warned)
  try {
    parent.ws.pause()
    const told: number[] = []
    const all = deferred()
    for (let i = 0; i < 30; i++) {
      runner.connection.ping("", () => {
        told.push(i)
      })
      runner.connection.ask(`question ${i}`, () => {
        told.push(100 + i)
        if (told.length === 60) all.resolve()
      })
    }
    await new Promise(resolve => setImmediate(resolve)) // warnings are emitted in a later turn
    expect(told).toEqual([])
    parent.ws.resume()
    await all.promise
    // Any answer will do for a ping, and a question has the one to it.
    const order = [...Array(30).keys()]
    expect(told.filter(i => i < 100)).toEqual(order)
    expect(told.filter(i => i >= 100)).toEqual(order.map(i => 100 + i))
    expect(runner.ws.listenerCount("pong")).toBe(1)
    expect(warnings).toEqual([])
    // And once only.
    const again = deferred()
    runner.connection.ping("", again.resolve)
    await again.promise
    expect(told).toHaveLength(60)
  } finally {
    process.off("warning", warned)
  }
})

test("a question has its own answer, or one to a later question, and none from a connection that is over", async () => {
  hub = await TestHub.open()
  const { parent, runner } = await hub.link()
  const told: string[] = []
  parent.ws.pause()
  const tell = (word: string) => () => told.push(word)
  runner.connection.ask("one", tell("one"))
  runner.connection.ask("two", tell("two"))
  runner.connection.ping("", tell("ping"))
  runner.ws.emit("pong", Buffer.from("another"))
  expect(told).toEqual(["ping"])
  runner.ws.emit("pong", Buffer.from("two"))
  expect(told).toEqual(["ping", "one", "two"])
  runner.ws.emit("pong", Buffer.from("one"))
  expect(told).toHaveLength(3) // once
  runner.connection.ask("three", tell("three"))
  runner.connection.abort(new ConnectionError("cut"))
  runner.ws.emit("pong", Buffer.from("three"))
  expect(told).toHaveLength(3)
})
