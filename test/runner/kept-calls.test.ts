/** Calls with an id on a worker: what is run, what is kept, and for how long. */
import { describe, expect, it } from "vitest"
import { KeptCalls } from "../../src/runner/worker/kept-calls.ts"
import { KEPT_RESULTS } from "../../src/transport/protocol.ts"
import { RpcRequest } from "../../src/transport/rpc-request.ts"

function kept() {
  const line = { up: true }
  const calls = new KeptCalls(() => line.up)
  let runs = 0
  const run = (id: string, result: unknown = id, request = new RpcRequest()) =>
    calls.run(id, "train", request, () => {
      runs += 1
      return result
    })
  return { line, calls, run, count: () => runs }
}

describe("a call with an id", () => {
  it("runs once for all who ask, and is among those that run until it is over", async () => {
    const { calls, run, count } = kept()
    const both = [run("a"), run("a")]
    expect(calls.ids).toEqual({ running: ["a"], over: [] })
    expect(await Promise.all(both)).toEqual(["a", "a"])
    expect(calls.ids).toEqual({ running: [], over: ["a"] })
    expect(await run("a", "other")).toBe("a")
    expect(count()).toBe(1)
  })

  it("gives what it gave, not what has become of that", async () => {
    const { run } = kept()
    const owned = { list: [1], bytes: new Uint8Array([1]) }
    await run("a", owned)
    owned.list.push(2)
    owned.bytes[0] = 2
    const once = await run("a")
    expect(once).toEqual({ list: [1], bytes: new Uint8Array([1]) })
    ;(once as typeof owned).bytes[0] = 3
    expect(await run("a")).toEqual({ list: [1], bytes: new Uint8Array([1]) })
  })

  it("is told with what it failed; another try is a run of its own", async () => {
    const { run, calls, count } = kept()
    await expect(run("a", Promise.reject(new Error("no")))).rejects.toThrow("no")
    expect(calls.has("a")).toBe(false)
    expect(await run("a", "yes")).toBe("yes")
    expect(count()).toBe(2)
  })

  it("that failed when nobody was there tells it once", async () => {
    const { line, run, count } = kept()
    line.up = false
    await expect(run("a", Promise.reject(new Error("no")))).rejects.toThrow("no")
    line.up = true
    await expect(run("a")).rejects.toThrow("no")
    expect(count()).toBe(1)
    expect(await run("a", "yes")).toBe("yes")
  })

  it("that failed while the line was down, and the same parent came back: it has been told", async () => {
    const { line, run, calls } = kept()
    line.up = false
    await expect(run("a", Promise.reject(new Error("no")))).rejects.toThrow("no")
    line.up = true
    calls.told()
    expect(await run("a", "yes")).toBe("yes")
  })

  it("is not to be taken for a call to another function", async () => {
    const { run, calls } = kept()
    await run("a")
    await expect(calls.run("a", "test", new RpcRequest(), () => 1)).rejects.toMatchObject({ code: "ERR_FLAME_STATE" })
  })

  it("is aborted by whoever asks for it", async () => {
    const { calls } = kept()
    const first = new RpcRequest()
    const second = new RpcRequest()
    const begin = () =>
      new Promise((_, reject) => first.signal.addEventListener("abort", () => reject(first.signal.reason)))
    const both = [calls.run("a", "train", first, begin), calls.run("a", "train", second, begin)]
    await new Promise(resolve => setImmediate(resolve)) // it has begun
    second.abort(new Error("enough"))
    for (const one of both) await expect(one).rejects.toThrow("enough")
  })

  it("is followed to its end, and no further", async () => {
    const { calls } = kept()
    let end!: () => void
    const run = calls.run("a", "train", new RpcRequest(), () => new Promise<void>(resolve => (end = resolve)))
    let over = false
    const followed = calls.follow("a").then(() => {
      over = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(over).toBe(false)
    end()
    await Promise.all([run, followed])
    await calls.follow("unknown")
  })
})

describe("what is kept", () => {
  it("is the newest results; what nobody has been told stays", async () => {
    const { line, run, calls } = kept()
    await run("first")
    line.up = false
    await run("untold")
    line.up = true
    for (let i = 0; i < KEPT_RESULTS; i++) await run(`${i}`)
    expect(calls.has("first")).toBe(false)
    expect(calls.has("untold")).toBe(true)
    expect(calls.ids.over).toHaveLength(KEPT_RESULTS)
  })

  it("has no more than 64 MiB, but always the newest", async () => {
    const { run, calls } = kept()
    await run("small")
    await run("large", new Uint8Array(60 * 1024 * 1024))
    expect(calls.ids.over).toEqual(["small", "large"])
    await run("larger", new Uint8Array(70 * 1024 * 1024))
    expect(calls.ids.over).toEqual(["larger"])
  })

  it("is no stream and no function", async () => {
    const { run, calls } = kept()
    await expect(run("a", () => 1)).rejects.toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE" })
    expect(calls.has("a")).toBe(false)
  })
})
