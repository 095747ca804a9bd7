/** Objects by reference and MessagePorts over a real connection. */
import { MessageChannel, MessagePort } from "node:worker_threads"
import { createEndpoint, releaseProxy, wrap } from "comlink"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { proxy } from "../../src/transport/proxy.ts"
import { Caller, deferred, type Link, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller
const api: Record<string, (...args: any[]) => unknown> = { echo: (...args) => args }

beforeEach(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterEach(() => hub.close())

const sizes = async () => {
  await caller.call("echo")
  return [link.parent.session.size, link.runner.session.size]
}

class Counter {
  n = 0
  add(by: number) {
    this.n += by
    return this.n
  }
  async each(to: number, visit: (i: number) => unknown) {
    let sum = 0
    for (let i = 0; i < to; i++) sum += (await visit(i)) as number
    return sum
  }
}

describe("proxy()", () => {
  test("of a result: methods and properties run where the object lives", async () => {
    api.counter = () => proxy(new Counter())
    const counter = await caller.call("counter")
    expect(await counter.add(2)).toBe(2)
    expect(await counter.add(3)).toBe(5)
    expect(await counter.n).toBe(5)
    expect(await sizes()).toEqual([3, 3])
    counter[releaseProxy]()
    expect(await sizes()).toEqual([2, 2])
  })

  test("of an argument: the other side keeps it beyond the call, and releases it", async () => {
    const counter = new Counter()
    let kept: any
    api.keep = remote => {
      kept = remote
    }
    await caller.call("keep", proxy(counter))
    await kept.add(4)
    expect(counter.n).toBe(4)
    kept[releaseProxy]()
    expect(await sizes()).toEqual([2, 2])
    expect(await thrownBy((async () => await kept.add(1))())).toMatchObject({ message: /released/ })
  })

  test("of a function: called from the other side after its call", async () => {
    let kept: any
    api.keep = remote => {
      kept = remote
    }
    await caller.call(
      "keep",
      proxy((a: number, b: number) => a * b),
    )
    expect(await kept(6, 7)).toBe(42)
  })

  test("methods take callbacks, which end with the method's call", async () => {
    api.counter = () => proxy(new Counter())
    const counter = await caller.call("counter")
    for (let i = 0; i < 50; i++) expect(await counter.each(4, (n: number) => n * 2)).toBe(12)
    expect(await sizes()).toEqual([3, 3])
  })

  test("errors cross, and a call in flight rejects when the object is released", async () => {
    const stuck = deferred()
    api.make = () =>
      proxy({
        fail() {
          throw new RangeError("no")
        },
        hang: () => stuck.promise,
      })
    const object = await caller.call("make")
    // Comlink serves these objects, and of an error it keeps no more than this.
    expect(await thrownBy(object.fail())).toMatchObject({ name: "RangeError", message: "no" })
    const hanging = thrownBy(object.hang())
    object[releaseProxy]()
    expect(await hanging).toMatchObject({ code: "ERR_FLAME_PROTOCOL", message: "the proxy was released" })
    stuck.resolve()
    expect(await sizes()).toEqual([2, 2])
  })

  test("a plain function cannot be assigned, a proxied one can", async () => {
    const object: Record<string, any> = { f: 0 }
    api.make = () => proxy(object)
    const remote = await caller.call("make")
    // Comlink's set trap gives no promise to whoever assigns, so the refusal is seen by what did not happen.
    process.once("unhandledRejection", () => {})
    remote.n = 3
    expect(await remote.n).toBe(3)
    remote.f = proxy(() => "called back")
    await remote.n
    expect(await object.f()).toBe("called back")
  })

  test("SET and CONSTRUCT work, ENDPOINT gives another port to the same object", async () => {
    const object = { n: 1, Counter }
    api.make = () => proxy(object)
    const remote = await caller.call("make")
    remote.n = 9
    expect(await remote.n).toBe(9)
    const made = await new remote.Counter()
    expect(await made.add(5)).toBe(5)
    const port = await remote[createEndpoint]()
    expect(port).toBeInstanceOf(MessagePort)
    const second = wrap<{ n: number }>(port)
    expect(await second.n).toBe(9)
    second[releaseProxy]()
    port.close()
  })
})

describe("MessagePorts", () => {
  test("in an argument and in a result carry messages both ways, and close together", async () => {
    api.answerOn = (port: MessagePort) => {
      port.on("message", message => port.postMessage({ got: message }))
    }
    const { port1, port2 } = new MessageChannel()
    await caller.call("answerOn", port2)
    const answer = deferred<unknown>()
    port1.on("message", answer.resolve)
    port1.postMessage({ bytes: new Uint8Array([1, 2]), when: new Date(5) })
    expect(await answer.promise).toEqual({ got: { bytes: new Uint8Array([1, 2]), when: new Date(5) } })

    const gone = deferred()
    api.give = () => {
      const channel = new MessageChannel()
      channel.port1.postMessage("early")
      channel.port1.once("close", gone.resolve)
      return channel.port2
    }
    const port: MessagePort = await caller.call("give")
    const early = deferred<unknown>()
    port.once("message", early.resolve)
    expect(await early.promise).toBe("early")
    port.close()
    await gone.promise

    const over = deferred()
    port1.once("close", over.resolve)
    link.runner.ws.terminate()
    await over.promise
  })

  test("a port inside a port's message crosses as well", async () => {
    api.answerOn = (port: MessagePort) => {
      port.on("message", ({ reply }: { reply: MessagePort }) => reply.postMessage("through"))
    }
    const outer = new MessageChannel()
    await caller.call("answerOn", outer.port2)
    const inner = new MessageChannel()
    const answer = deferred<unknown>()
    inner.port1.once("message", answer.resolve)
    outer.port1.postMessage({ reply: inner.port2 }, [inner.port2])
    expect(await answer.promise).toBe("through")
    outer.port1.close()
    inner.port1.close()
  })
})
