/** Limits of a call, from the caller's options to the function on the runner and back to the slot. */
import { describe, expect, it } from "vitest"
import { transfer } from "../../src/index.ts"
import { basicPool, told } from "./helpers.ts"

const failure = (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error as Error & { started: boolean },
  )

describe("a slot", () => {
  it.each(["timeout", "signal"])("is free when the remote work has ended, not when its caller is: %s", async how => {
    const pool = basicPool({ maxConcurrency: 2 })
    await pool.api.add(0, 0)
    const [started, reason] = [told(), told<any>()]
    const controller = new AbortController()
    const limits = how === "timeout" ? { timeout: "200ms" as const } : { signal: controller.signal }
    const lingering = failure(pool.with(limits).linger(started.tell, reason.tell))
    await started.promise
    if (how === "signal") controller.abort(Object.assign(new RangeError("enough"), { code: "E_STOP" }))
    const error = await lingering // the caller is free, and the function goes on
    expect(error.started).toBe(true)
    if (how === "signal") expect(await reason.promise).toMatchObject({ message: "enough", code: "E_STOP" })
    else expect(await reason.promise).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
    expect(pool.stats().inFlight).toBe(1)
    while ((await pool.api.openGates()) === 0);
    while (pool.stats().inFlight > 0) await pool.api.add(1, 1)
  })
})

describe("a timeout is total:", () => {
  it("the boot counts", async () => {
    const pool = basicPool()
    const error = await failure(pool.with({ timeout: 1 }).add(1, 2))
    expect(error).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: false })
    expect(pool.stats().runners.every(runner => runner.state !== "ready")).toBe(true)
    expect(await pool.api.add(1, 2)).toBe(3)
  })

  it("the wait in line counts, and what is left of it is what the function gets", async () => {
    const pool = basicPool({ maxConcurrency: 1 })
    await pool.api.add(0, 0)
    const holding = pool.api.nap(800)
    expect(await failure(pool.with({ timeout: 100 }).add(1, 2))).toMatchObject({ started: false })
    // This one waits for half of its time and then runs for ever.
    const began = performance.now()
    const [started, reason] = [told(), told<unknown>()]
    const late = failure(pool.with({ timeout: 1_500 }).linger(started.tell, reason.tell))
    await holding
    await started.promise
    expect(await late).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT", started: true })
    expect(performance.now() - began).toBeLessThan(2_100) // not 1.5 s from when it began to run
    expect(await reason.promise).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
  })
})

describe("an AbortSignal anywhere in the arguments", () => {
  it("aborts its twin, with the reason", async () => {
    const pool = basicPool()
    const controller = new AbortController()
    const started = told()
    const answer = pool.api.heed({ deep: new Map([["signals", [controller.signal]]]) }, started.tell)
    await started.promise
    controller.abort(new RangeError("enough"))
    expect(await answer).toEqual({ before: false, reason: new RangeError("enough") })
  })

  it("is aborted from the start when it was", async () => {
    const pool = basicPool()
    const signal = AbortSignal.abort("before")
    expect(await pool.api.heed({ deep: new Map([["signals", [signal]]]) })).toEqual({ before: true, reason: "before" })
  })
})

describe("a large argument that is still being sent", () => {
  it.each([
    ["copied", (x: Float64Array) => x],
    ["transferred", (x: Float64Array) => transfer(x)],
  ])("%s: the caller is free at once, the function never runs, the slot is free", async (_how, pass) => {
    const pool = basicPool({ maxConcurrency: 1 })
    await pool.api.add(0, 0)
    const controller = new AbortController()
    const call = failure(pool.with({ signal: controller.signal }).receive(pass(new Float64Array(2 ** 23))))
    await new Promise(setImmediate) // it is on its way
    controller.abort(new Error("enough"))
    expect(await call).toMatchObject({ name: "AbortError", started: true, cause: new Error("enough") })
    expect(pool.stats().inFlight).toBe(0)
    expect(await pool.api.receivedSoFar()).toBe(0)
    expect(await pool.api.receive(new Float64Array(2 ** 20))).toBe(1)
  })
})

describe("the guarded api", () => {
  it("gives no way to prototypes, assigns nothing and constructs nothing", async () => {
    const pool = basicPool()
    const api = (await pool.spawn()).api as any
    for (const name of ["constructor", "prototype", "__proto__"]) {
      expect(api[name]).toBeUndefined()
      expect(api.settings[name]).toBeUndefined()
      expect(api.add[name]).toBeUndefined()
    }
    const inherited = [
      ["hasOwnProperty"],
      ["settings", "hasOwnProperty"],
      ["add", "call"],
      ["settings", "deep", "toString"],
    ]
    for (const path of inherited) {
      const fn = path.reduce((at, name) => at[name], api)
      expect(await failure(fn("x"))).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
    }
    expect(() => {
      api.settings = 1
    }).toThrow(/api\.settings cannot be assigned/)
    expect(() => {
      api.settings.rate = 1
    }).toThrow(/api\.settings\.rate cannot be assigned/)
    expect(() => new api.Point(1, 2)).toThrow(TypeError)
    expect(await failure(api.Point(1, 2))).toMatchObject({ code: "ERR_FLAME_NO_EXPORT" })
    expect(await api.settings.rate).toBe(0.5)
  })
})
