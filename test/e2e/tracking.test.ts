/** `trackResources`: what can be disposed of stays on the runner and holds it. The numbers are those of FLAME's scenarios. */
import { describe, expect, it } from "vitest"
import { placement } from "../../src/index.ts"
import { once, resourcePool, thrownBy, told } from "./helpers.ts"

const dispose = (resource: AsyncDisposable) => resource[Symbol.asyncDispose]()

describe("tracked resources", () => {
  it("#26 are found wherever they are in a result; all else arrives equal", async () => {
    const pool = resourcePool()
    const result: any = await pool.with({ trackResources: true }).nested()
    const { one, again, list, map, set, plain, ...rest } = result
    expect(rest).toEqual({
      date: new Date(0),
      floats: new Float64Array([1.5, -0]),
      text: "~ text",
      nothing: undefined,
    })
    expect(again).toBe(one)
    const inMap = [map.get("key"), [...map.keys()].find(key => typeof key === "object")]
    const all = [one, list[0].two, ...inMap, ...set]
    expect(all).toHaveLength(5)
    for (const resource of all) expect(await resource.next()).toBe(1)
    expect(await again.next()).toBe(2)
    expect(await plain.hello("you")).toBe("hello you")
    expect(pool.stats().inFlight).toBe(1)
    await Promise.all([...all, plain].map(dispose))
    expect(pool.stats().inFlight).toBe(0)
  })

  it("#27 are nothing special without tracking: refused as any object of a class, and proxy() does not hold the runner", async () => {
    // FLAME gives nil for the resource's process; here the value itself cannot cross.
    const pool = resourcePool({ idleShutdownAfter: 50 })
    expect(await thrownBy(pool.api.two())).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE", path: "result[0]" })
    const down = once(pool, "runner:down")
    const proxied = await pool.api.proxied()
    expect(await proxied.next()).toBe(1)
    expect(pool.stats().inFlight).toBe(0)
    expect(await down).toMatchObject({ goneReason: "idle" })
  })

  it.each([
    ["#28 by the call", {}, { trackResources: true }],
    ["#29 by the pool", { trackResources: true }, {}],
  ])("hold their runner until they are disposed of: %s", async (_, poolOptions, callOptions) => {
    const pool = resourcePool({ idleShutdownAfter: 100, ...poolOptions })
    const down = once(pool, "runner:down")
    const disposed = told<string>()
    const [one, two]: any = await pool.with(callOptions).two(async what => void disposed.tell(what))
    await dispose(two)
    expect(await disposed.promise).toBe("disposed")
    await new Promise(resolve => setTimeout(resolve, 400)) // it would be gone by now
    expect(await one.next()).toBe(1)
    expect(placement(one).runner.id).toBe(pool.stats().runners[0]!.id)
    await dispose(one)
    expect(await down).toMatchObject({ goneReason: "idle" })
  })

  it("#30 of one call hold one slot until both are disposed of", async () => {
    const pool = resourcePool({ trackResources: true })
    const [one, two]: any = await pool.api.two()
    await dispose(one)
    expect(await thrownBy(pool.with({ timeout: 200 }).ping())).toMatchObject({ code: "ERR_FLAME_CALL_TIMEOUT" })
    const queued = pool.api.ping()
    expect(await two.next()).toBe(1)
    await dispose(two)
    expect(await queued).toBe("pong")
  })

  it("have no time limit of their call's, and do not go with its signal", async () => {
    const pool = resourcePool({ trackResources: true })
    const controller = new AbortController()
    const [one, two]: any = await pool.with({ timeout: "20s", signal: controller.signal }).two()
    controller.abort()
    expect(await one.next()).toBe(1)
    await Promise.all([dispose(one), dispose(two)])
  })

  it("that a proxy() is written around are tracked all the same", async () => {
    const pool = resourcePool({ trackResources: true })
    const service: any = await pool.api.proxied()
    expect(pool.stats().inFlight).toBe(1)
    expect(await service.next()).toBe(1)
    await dispose(service)
    expect(pool.stats().inFlight).toBe(0)
  })

  it("beside a stream: the stream stays one, and the slot is held for both", async () => {
    const pool = resourcePool({ trackResources: true })
    const { stream, service }: any = await pool.api.inStream()
    const items: number[] = []
    for await (const item of stream) items.push(item)
    expect(items).toEqual([1, 2])
    expect(pool.stats().inFlight).toBe(1)
    expect(await service.next()).toBe(1)
    await dispose(service)
    expect(pool.stats().inFlight).toBe(0)
    const plain: number[] = []
    for await (const item of pool.api.stream()) plain.push(item)
    expect(plain).toEqual([1, 2])
  })

  it("are released when the pool closes, which waits for nothing else", async () => {
    const pool = resourcePool({ trackResources: true, shutdownTimeout: "10m" })
    const seen: string[] = []
    await pool.api.two(async what => void seen.push(what))
    await pool.close()
    expect(seen).toEqual(["disposed", "disposed"])
  })
})
