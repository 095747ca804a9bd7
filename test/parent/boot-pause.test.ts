/** The pause after a boot that failed ends with another boot, whatever the clock does meanwhile. */
import { afterEach, expect, it, vi } from "vitest"
import { simulatedPool } from "../simulated/pool.ts"

afterEach(() => void vi.restoreAllMocks())

it("a pause that ends while it is looked at is over: somebody boots", async () => {
  const { pool, runners } = simulatedPool(
    {},
    {
      boot: runner => {
        if (runners.length > 1) return runner.up()
        // From here on each look at the clock is most of the pause later than the one before it.
        const clock = performance.now.bind(performance)
        let jump = 0
        vi.spyOn(performance, "now").mockImplementation(() => {
          jump += 400
          return clock() + jump
        })
        runner.end("boot-failed", new Error("chance"))
      },
      received: ({ waiter }) => {
        waiter.resolve("served")
        waiter.done()
      },
    },
  )
  pool.on("error", () => {})
  expect(await pool.api.f()).toBe("served")
  vi.restoreAllMocks()
  await pool.close()
})
