import { describe, expect, it, vi } from "vitest"
import type { Call, CallTarget } from "../../src/parent/call.ts"
import { HeldCall } from "../../src/parent/held-call.ts"
import type { PoolRunner } from "../../src/parent/runner.ts"
import { NoExportError, NotSerializableError, RunnerDrainingError } from "../../src/shared/errors.ts"
import type { RpcClient, Waiter } from "../../src/transport/rpc-client.ts"

type Api = Record<string, (...args: unknown[]) => Promise<unknown>>

/** `pool.call(fn)` on a runner that answers when it is told to. */
function setUp(fn: (api: Api) => unknown, free = 0) {
  const sent: { args: readonly unknown[]; waiter: Waiter }[] = []
  const client = {
    apply: (_path: string[], args: readonly unknown[], waiter: Waiter) => {
      if (args[0] === "cannot cross") throw new NotSerializableError("arguments[0]", "no")
      return sent.push({ args, waiter })
    },
    cancel: vi.fn(),
  }
  const exports = ["train"]
  const where = { exports, names: new Set(exports), runnerId: "r-1", jobId: "77", node: "n3" }
  const target: CallTarget = { ...where, client: client as unknown as RpcClient }
  const left = vi.fn()
  const elsewhere: Call[] = []
  const runner = {
    id: "r-1",
    free,
    onGone: () => () => {},
    run: (call: Call) => elsewhere.push(call),
    hold: (task: (to: CallTarget, leave: () => void) => void) => task(target, left),
  }
  const host = { again: vi.fn(), forget: vi.fn() }
  const held = new HeldCall(fn as never, { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined }, host)
  held.place(runner as unknown as PoolRunner)
  return { held, host, sent, left, elsewhere, runner }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

describe("the seat of pool.call", () => {
  it("is for one at a time, in order, and the next one sits when the work of the last is over", async () => {
    const { held, sent, left } = setUp(api => Promise.all([1, 2, 3].map(i => api.train!(i))))
    expect(sent.map(s => s.args)).toEqual([[1]])
    sent[0]!.waiter.resolve("one")
    await settled()
    expect(sent).toHaveLength(1) // answered, but its stream may be open: the slot is taken
    sent[0]!.waiter.done()
    await settled()
    expect(sent.map(s => s.args)).toEqual([[1], [2]])
    for (const i of [1, 2]) {
      sent[i]!.waiter.resolve(i)
      sent[i]!.waiter.done()
      await settled()
    }
    expect(await held.promise).toEqual(["one", 1, 2])
    await settled()
    expect(left).toHaveBeenCalledTimes(1)
  })

  it("lets nobody in who comes between two of a row", async () => {
    const late: Promise<unknown>[] = []
    const { held, sent } = setUp(async api => {
      const first = api.train!(1).then(() => late.push(api.train!(3)))
      const second = api.train!(2)
      await Promise.all([first, second])
      await Promise.all(late)
    })
    for (let i = 0; i < 3; i++) {
      sent[i]!.waiter.resolve(i)
      sent[i]!.waiter.done()
      await settled()
    }
    expect(sent.map(s => s.args[0])).toEqual([1, 2, 3])
    await held.promise
  })

  it("is used by one at a time also where others take free slots of the runner", async () => {
    const { held, sent, elsewhere, left } = setUp(api => Promise.all([1, 2, 3].map(i => api.train!(i))), 1)
    expect(sent).toHaveLength(1)
    expect(elsewhere.map(call => call.name)).toEqual(["train", "train"])
    for (const call of elsewhere) call.fail(new Error("over"))
    await expect(held.promise).rejects.toThrow("over")
    expect(left).not.toHaveBeenCalled() // one is still at work in it
    sent[0]!.waiter.done()
    await settled()
    expect(left).toHaveBeenCalledTimes(1)
  })

  it.each<[string, (api: Api) => Promise<unknown>, Function]>([
    ["to a missing export", api => api.trian!(1), NoExportError],
    ["with what cannot cross", api => api.train!("cannot cross"), NotSerializableError],
  ])("bears a row of 10,000 calls %s, which fail at once, in order", async (_what, call, error) => {
    const order: number[] = []
    const { held, sent, left } = setUp(api => {
      const work = api.train!("first")
      const row = Array.from({ length: 10_000 }, (_, i) =>
        call(api).catch(e => {
          order.push(i)
          return e
        }),
      )
      return Promise.all([work, ...row, api.train!("last")])
    })
    expect(sent).toHaveLength(1)
    sent[0]!.waiter.resolve(0)
    sent[0]!.waiter.done()
    await vi.waitUntil(() => sent.length === 2)
    expect(sent[1]!.args).toEqual(["last"])
    sent[1]!.waiter.resolve(1)
    sent[1]!.waiter.done()
    const [first, ...rest] = (await held.promise) as unknown[]
    expect([first, rest.pop()]).toEqual([0, 1])
    expect(rest.every(e => e instanceof error)).toBe(true)
    expect(order).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
    await settled()
    expect(left).toHaveBeenCalledTimes(1)
  })

  it("goes to the next one when the runner would not begin the last; after that it is no untouched call", async () => {
    const { held, sent, host } = setUp(api => Promise.all([api.train!(1), api.train!(2)]))
    const draining = Object.assign(new Error("x"), { code: "ERR_FLAME_RUNNER_DRAINING", runnerId: "r-1" })
    sent[0]!.waiter.reject(draining, true)
    sent[0]!.waiter.done()
    await expect(held.promise).rejects.toThrow(RunnerDrainingError)
    expect(host.again).not.toHaveBeenCalled()
    await settled()
    expect(sent.map(s => s.args[0])).toEqual([1, 2])
  })

  it("of a call that never began goes back into the line with it", async () => {
    const { sent, host, held } = setUp(api => api.train!(1))
    const draining = Object.assign(new Error("x"), { code: "ERR_FLAME_RUNNER_DRAINING", runnerId: "r-1" })
    sent[0]!.waiter.reject(draining, true)
    sent[0]!.waiter.done()
    await vi.waitUntil(() => host.again.mock.calls.length > 0)
    expect(host.again).toHaveBeenCalledWith(held, false)
    expect(held).toMatchObject({ settled: false, started: false })
  })
})
