/** Pings of a connection whose peer does not answer for long. */
import { afterEach, expect, test } from "vitest"
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
        if (told.length === 30) all.resolve()
      })
    }
    await new Promise(resolve => setImmediate(resolve)) // warnings are emitted in a later turn
    expect(told).toEqual([])
    parent.ws.resume()
    await all.promise
    expect(told).toEqual([...told.keys()])
    expect(warnings).toEqual([])
    // And once only.
    const again = deferred()
    runner.connection.ping("", again.resolve)
    await again.promise
    expect(told).toHaveLength(30)
  } finally {
    process.off("warning", warned)
  }
})
