/**
 * Values over a real connection, identical on the other side: in every place where one may stand, in both directions.
 */
import assert from "node:assert/strict"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { ComlinkPort } from "../../src/transport/comlink-port.ts"
import { REFUSED, Registered, VALUES } from "./fidelity.ts"
import { Caller, type Link, type Side, serve, TestHub, thrownBy } from "./link.ts"

let hub: TestHub
let link: Link
let caller: Caller

/** What stood in an argument on the other side, as the other side saw it. */
let seen: unknown
let made: () => unknown
const api: Record<string, (...args: any[]) => any> = {
  take: value => {
    seen = value
  },
  give: () => made(),
  giveNested: () => ({ in: [made()] }),
  throwWith: () => {
    throw Object.assign(new Error("carrier"), { field: made() })
  },
  throwIt: () => {
    throw made()
  },
  async *stream() {
    yield made()
    return made()
  },
  callBack: async (callback: any) => await callback(made()),
  read: async (stream: AsyncIterable<unknown>) => {
    for await (const item of stream) seen = item
  },
  ask: async (callback: any) => {
    seen = await callback()
  },
  async *generator() {
    seen = yield
  },
  listen: (signal: AbortSignal) =>
    new Promise<void>(resolve => {
      signal.addEventListener("abort", () => {
        seen = signal.reason.field
        resolve()
      })
    }),
}

beforeAll(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  serve(link.runner, api)
  caller = new Caller(link.parent)
})
afterAll(() => hub.close())

const call = (name: string, ...args: unknown[]) => caller.call(name, ...args)

type Make = () => unknown

/** The result of `call(name)`, where the other side makes the value. */
function given(make: Make, name: string, ...args: unknown[]): Promise<any> {
  made = make
  return call(name, ...args)
}

/** What the other side has seen when `call(name, ...args)` is over. */
async function taken(name: string, ...args: unknown[]): Promise<any> {
  await call(name, ...args)
  return seen
}

/** Each place: brings a value to the other side, or back, and says what arrived. */
const places: [string, (make: Make) => Promise<unknown>][] = [
  ["an argument", make => taken("take", make())],
  ["nested in an argument", async make => (await taken("take", { a: [make()] })).a[0]],
  ["the second in a message", async make => (await taken("take", [make(), make()]))[1]],
  ["a result", make => given(make, "give")],
  ["nested in a result", async make => (await given(make, "giveNested")).in[0]],
  ["an item of a stream in a result", async make => (await readAll(await given(make, "stream")))[0]],
  ["what a stream returned", async make => (await readAll(await given(make, "stream")))[1]],
  ["an item of a stream among the arguments", make => taken("read", [make()].values())],
  ["a value for a generator", make => stepWith(make)],
  ["an argument of a callback", make => new Promise(resolve => void given(make, "callBack", resolve))],
  ["the result of a callback", make => taken("ask", make)],
  ["a field of an error", async make => (await thrownBy(given(make, "throwWith"))).field],
  ["the reason of an abort", make => abortWith(make)],
  ["a message on the raw endpoint", make => posted({ in: make() }, link.parent, link.runner)],
  ["a message on the raw endpoint, the other way", make => posted({ in: make() }, link.runner, link.parent)],
]

async function readAll(stream: AsyncIterator<unknown>): Promise<unknown[]> {
  const read: unknown[] = []
  for (;;) {
    const { done, value } = await stream.next()
    read.push(value)
    if (done) return read
  }
}

async function posted(message: object, from: Side, to: Side): Promise<unknown> {
  const port = new ComlinkPort(to.session.raw, true)
  const arrived = new Promise<any>(resolve => port.addEventListener("message", event => resolve(event.data)))
  new ComlinkPort(from.session.raw, true).postMessage(message)
  return (await arrived).in
}

async function stepWith(make: Make): Promise<unknown> {
  const stream = await call("generator")
  await stream.next()
  await stream.next(make())
  return seen
}

async function abortWith(make: Make): Promise<unknown> {
  const controller = new AbortController()
  const answer = taken("listen", controller.signal)
  controller.abort(Object.assign(new Error("carrier"), { field: make() }))
  return await answer
}

/** Node's deepStrictEqual, and what it does not look at. */
function same(got: unknown, wanted: unknown): void {
  if (wanted instanceof Error) return sameError(got, wanted)
  if (wanted instanceof Date) expect(Object.is(got instanceof Date ? got.getTime() : got, wanted.getTime())).toBe(true)
  else assert.deepStrictEqual(got, wanted)
  if (Array.isArray(wanted) && wanted.length < 100)
    for (const i of wanted.keys()) expect(i in (got as object)).toBe(i in wanted)
}

/** Errors are the same but for the stack, which is that of the other side, and for how their fields are declared. */
function sameError(got: unknown, wanted: Error): void {
  expect(got).toBeInstanceOf(wanted.constructor)
  const error = got as Error
  expect([error.name, error.message, error.stack]).toEqual([wanted.name, wanted.message, wanted.stack])
  expect(Object.keys(error).toSorted()).toEqual(Object.keys(wanted).toSorted())
  const fields = (e: any) =>
    Object.keys(e)
      .filter(key => !["cause", "errors"].includes(key))
      .map(key => e[key])
  same(fields(error), fields(wanted))
  if ("cause" in wanted) same(error.cause, wanted.cause)
  if (wanted instanceof AggregateError) same((error as AggregateError).errors.length, wanted.errors.length)
  if (wanted instanceof AggregateError)
    for (const [i, e] of wanted.errors.entries()) same((error as AggregateError).errors[i], e)
}

/** What structuredClone does not keep either. */
const expected = (name: string, value: unknown) =>
  name === "a regexp with a lastIndex" ? structuredClone(value) : value

describe.each(places)("%s", (_place, bring) => {
  test.each([...VALUES])("%s", async (name, make) => {
    same(await bring(make), expected(name, make()))
  })
})

test("an instance of a registered class has its methods", async () => {
  made = VALUES.get("an instance of a registered class")!
  expect(await call("give")).toBeInstanceOf(Registered)
})

test("what is cyclic is cyclic over there, and what was one object is one", async () => {
  made = VALUES.get("cyclic")!
  const o = await call("give")
  expect([o.self === o, o.list[0] === o, o.list[1] === o.bytes, o.map.get(o) === o.list, o.set.has(o.map)]).toEqual(
    new Array(5).fill(true),
  )
})

test("no prototype was changed by keys of ill repute", () => {
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

describe("refused by its place, and nothing is left behind", () => {
  test.each([...REFUSED])("%s", async (_name, [make, says]) => {
    made = make
    const code = "ERR_FLAME_NOT_SERIALIZABLE"
    const message = expect.stringMatching(says)
    const rejected = async (promise: Promise<unknown>, path: string) =>
      expect(await thrownBy(promise)).toMatchObject({ code, path, message })
    await rejected(call("take", { a: [make()] }), "arguments[0].a[0]")
    if (_name !== "a Promise") {
      await rejected(call("give"), "result")
      const step = thrownBy((await call("stream")).next())
      expect(await step).toMatchObject({ code, path: "result.value", message })
      await rejected(
        call("callBack", () => {}),
        "arguments[0]",
      )
      link.runner.failures.length = 0
    }
    await rejected(call("giveNested"), "result.in[0]")
    expect((await thrownBy(call("throwWith"))).droppedFields).toEqual(["field"])
    await call("take")
    expect([link.parent.session.size, link.runner.session.size]).toEqual([2, 2])
  })
})

describe("functions", () => {
  test("are callbacks among arguments, however deep, and refused in results", async () => {
    api.use = async ({ deep }: any) => await (deep as Map<string, any[]>).get("f")![0](20)
    expect(await call("use", { deep: new Map([["f", [(n: number) => n + 1]]]) })).toBe(21)
    made = () => ({ f: () => 1 })
    expect(await thrownBy(call("give"))).toMatchObject({ code: "ERR_FLAME_NOT_SERIALIZABLE", path: "result.f" })
  })
})
