/** What `Remote<T>` makes of each kind of export: what a caller may write, and what the compiler must refuse. */
import { describe, expectTypeOf, test } from "vitest"
import type { Pool } from "../../src/index.ts"
import type { Placed, ProxyMarked, Remote, RemoteStream, Settled, Unsupported } from "../../src/shared/remote.ts"
import type * as module from "./api.ts"

type Api = Remote<typeof module>
declare const api: Api

describe("functions", () => {
  test("an async function keeps its very type", () => {
    expectTypeOf<Api["train"]>().toEqualTypeOf<typeof module.train>()
    expectTypeOf<Api["identity"]>().toEqualTypeOf<typeof module.identity>()
    expectTypeOf<Api["parse"]>().toEqualTypeOf<typeof module.parse>()
  })

  test("generics survive", () => {
    expectTypeOf(api.identity({ a: 1 })).toEqualTypeOf<Promise<{ a: number }>>()
    expectTypeOf(api.identity<"x">("x")).toEqualTypeOf<Promise<"x">>()
  })

  test("a synchronous function returns a promise and keeps its parameters", () => {
    expectTypeOf<Api["add"]>().toEqualTypeOf<(left: number, right: number) => Promise<number>>()
    expectTypeOf<Api["sum"]>().toEqualTypeOf<(...numbers: number[]) => Promise<number>>()
    expectTypeOf<Api["nothing"]>().toEqualTypeOf<() => Promise<void>>()
    expectTypeOf<Api["default"]>().toEqualTypeOf<() => Promise<number>>()
  })

  test("overloads survive, synchronous ones too", () => {
    expectTypeOf(api.parse("")).toEqualTypeOf<Promise<string>>()
    expectTypeOf(api.parse(1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(api.size("")).toEqualTypeOf<Promise<number>>()
    expectTypeOf(api.size([], 1)).toEqualTypeOf<Promise<number[]>>()
    expectTypeOf(api.mixed("")).toEqualTypeOf<Promise<string>>()
    expectTypeOf(api.mixed(1)).toEqualTypeOf<Promise<number>>()
    // @ts-expect-error no overload takes a boolean
    api.size(true)
    // @ts-expect-error the second overload needs its limit
    api.size([])
  })

  test("a union of returns is one promise of the union", () => {
    expectTypeOf(api.either(1)).toEqualTypeOf<Promise<string | number>>()
    expectTypeOf(api.perhaps(1)).toEqualTypeOf<Promise<string | number>>()
    expectTypeOf(api.flag()).toEqualTypeOf<Promise<boolean>>()
  })

  test("any, unknown and never stay what they are", () => {
    expectTypeOf(api.loose()).toEqualTypeOf<Promise<any>>()
    expectTypeOf(api.unsure()).toEqualTypeOf<Promise<unknown>>()
    expectTypeOf<Api["fails"]>().toEqualTypeOf<() => Promise<never>>()
    expectTypeOf<Api["anything"]>().toEqualTypeOf<any>()
  })

  test("mistakes are refused", () => {
    // @ts-expect-error a misspelt name
    api.trian(1)
    // @ts-expect-error a wrong argument
    api.train("fast")
    // @ts-expect-error a missing argument
    api.add(1)
    // @ts-expect-error an argument too many
    api.add(1, 2, 3)
    // @ts-expect-error the result is a promise
    api.add(1, 2).toFixed()
    // @ts-expect-error members cannot be replaced
    api.add = async () => 1
  })
})

describe("streams", () => {
  test("every kind of stream is a RemoteStream", () => {
    expectTypeOf(api.losses(3)).toEqualTypeOf<RemoteStream<number, string>>()
    expectTypeOf(api.steps()).toEqualTypeOf<RemoteStream<{ step: number }, boolean>>()
    expectTypeOf(api.oldSteps()).toExtend<RemoteStream<string, any>>()
    expectTypeOf(api.lines()).toEqualTypeOf<RemoteStream<string, unknown>>()
    expectTypeOf(api.web()).toEqualTypeOf<RemoteStream<Uint8Array, unknown>>()
    expectTypeOf(api.laterStream()).toEqualTypeOf<RemoteStream<number, void>>()
  })

  test("it can be read directly, and awaited first", async () => {
    for await (const loss of api.losses(3)) expectTypeOf(loss).toEqualTypeOf<number>()
    for await (const loss of await api.losses(3)) expectTypeOf(loss).toEqualTypeOf<number>()
    expectTypeOf(await api.losses(3)).toEqualTypeOf<AsyncGenerator<number, string, undefined>>()
    const { value, done } = await api.losses(3).next()
    expectTypeOf(done).toEqualTypeOf<boolean | undefined>()
    expectTypeOf(value).toEqualTypeOf<string | number>()
  })

  test("a stream or nothing is a promise of either", () => {
    expectTypeOf(api.perhapsStream()).toEqualTypeOf<Promise<AsyncGenerator<number, void, undefined> | undefined>>()
  })

  test("collections and strings are values", () => {
    expectTypeOf(api.list()).toEqualTypeOf<Promise<number[]>>()
    expectTypeOf(api.set()).toEqualTypeOf<Promise<Set<number>>>()
    expectTypeOf(api.text()).toEqualTypeOf<Promise<string>>()
  })
})

describe("callbacks", () => {
  test("one that returns nothing, a promise, or is not looked at, is taken", () => {
    api.train(1, e => expectTypeOf(e).toEqualTypeOf<{ epoch: number }>())
    api.asks(async question => question)
    api.asksPerhaps(question => question)
    api.ignores(text => text.length)
  })

  test("one whose value the runner would use at once makes the function unusable, with the reason", () => {
    type Reason = "a callback parameter must return void or a Promise: it runs on the caller"
    expectTypeOf<Api["lies"]>().toEqualTypeOf<Unsupported<Reason>>()
    expectTypeOf<Api["liesSynchronously"]>().toEqualTypeOf<Unsupported<Reason>>()
    // @ts-expect-error not callable
    api.lies(x => x > 1)
  })
})

describe("by reference", () => {
  test("what is returned through proxy() is a Remote", () => {
    expectTypeOf(api.open()).toEqualTypeOf<Promise<Remote<module.Store>>>()
    expectTypeOf(api.openLater()).toEqualTypeOf<Promise<Remote<module.Store>>>()
    expectTypeOf(api.find(1)).toEqualTypeOf<Promise<Remote<module.Store> | undefined>>()
    expectTypeOf(api.store).toEqualTypeOf<Remote<module.Store>>()
  })

  test("its methods and fields are remote", async () => {
    const store = await api.open()
    expectTypeOf(store.get(1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(store.save("x")).toEqualTypeOf<Promise<string>>()
    expectTypeOf(store.scan()).toEqualTypeOf<RemoteStream<number, void>>()
    expectTypeOf(store.rows).toEqualTypeOf<Promise<number[]>>()
    // @ts-expect-error private
    store.secret
  })

  test("a returned function needs proxy()", async () => {
    const remote = await api.adder(1)
    expectTypeOf(remote(2)).toEqualTypeOf<Promise<number>>()
    const bare = await api.bareAdder(1)
    // @ts-expect-error not callable
    bare(2)
    expectTypeOf(bare).toEqualTypeOf<Unsupported<"a returned function must be wrapped: return proxy(fn)">>()
    expectTypeOf(api.bareAdderLater(1)).resolves.toEqualTypeOf<typeof bare>()
  })

  test("classes are hidden, also one with a private constructor", () => {
    expectTypeOf<Extract<keyof Api, "Store" | "Single">>().toEqualTypeOf<never>()
    // @ts-expect-error hidden
    api.Store
  })

  test("only proxy() makes the mark", () => {
    // @ts-expect-error the symbol is private to the package
    const forged: ProxyMarked = {}
    expectTypeOf(forged).toEqualTypeOf<ProxyMarked>()
  })
})

describe("namespaces and data", () => {
  test("an object with functions nests", () => {
    expectTypeOf(api.optimizers.sgd(1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(api.optimizers.deep.adam(1)).toEqualTypeOf<Promise<string>>()
    expectTypeOf(api.optimizers.defaults).toEqualTypeOf<Promise<{ rate: number }>>()
  })

  test("plain data is a promise", () => {
    expectTypeOf(api.config).toEqualTypeOf<Promise<{ rate: number; layers: number[] }>>()
    expectTypeOf(api.version).toEqualTypeOf<Promise<"1.0.0">>()
    expectTypeOf(api.tree).toEqualTypeOf<Promise<module.Tree>>()
    expectTypeOf(api.ready).toEqualTypeOf<Promise<number>>()
    // @ts-expect-error its fields are read after an await
    api.config.rate
  })

  test("values with methods of their own are data", () => {
    expectTypeOf(api.created).toEqualTypeOf<Promise<Date>>()
    expectTypeOf(api.table).toEqualTypeOf<Promise<Map<string, number>>>()
    expectTypeOf(api.home).toEqualTypeOf<Promise<URL>>()
  })

  test("an export named `then` is hidden, or every await of the root would call it", () => {
    expectTypeOf<Extract<keyof Api, "then">>().toEqualTypeOf<never>()
  })

  test("optional methods stay optional", () => {
    type Plugin = Remote<{ before?: (x: number) => string; name: string }>
    expectTypeOf<NonNullable<Plugin["before"]>>().toEqualTypeOf<(x: number) => Promise<string>>()
    expectTypeOf<undefined>().toExtend<Plugin["before"]>()
  })

  test("an untyped module can be called in any way", () => {
    expectTypeOf<Remote<any>["whatever"]>().toEqualTypeOf<any>()
  })
})

test("Settled is what an await gives", () => {
  expectTypeOf<Settled<number | Promise<string>>>().toEqualTypeOf<string | number>()
  expectTypeOf<Settled<AsyncGenerator<number, string>>>().toEqualTypeOf<AsyncGenerator<number, string, undefined>>()
  expectTypeOf<Settled<Promise<module.Store & ProxyMarked>>>().toEqualTypeOf<Remote<module.Store>>()
  expectTypeOf<Settled<any>>().toEqualTypeOf<any>()
  expectTypeOf<Settled<boolean>>().toEqualTypeOf<boolean>()
})

describe("resources", () => {
  type RemoteSession = Remote<module.Session> & AsyncDisposable

  test("in a result are remote and can be disposed of, wherever they are", async () => {
    expectTypeOf(api.openSession()).toEqualTypeOf<Promise<RemoteSession>>()
    expectTypeOf(api.locked()).resolves.toExtend<AsyncDisposable>()
    const { all, byName, first, count } = await api.openSessions()
    expectTypeOf(all).toEqualTypeOf<RemoteSession[]>()
    expectTypeOf(byName).toEqualTypeOf<Map<string, RemoteSession>>()
    expectTypeOf(first?.session).toEqualTypeOf<RemoteSession | undefined>()
    expectTypeOf(first?.at).toEqualTypeOf<Date | undefined>()
    expectTypeOf(count).toEqualTypeOf<number>()
    expectTypeOf(all[0]!.query("")).toEqualTypeOf<Promise<number>>()
    expectTypeOf(all[0]!.name).toEqualTypeOf<Promise<string>>()
    await using session = await api.openSession()
    expectTypeOf(session.rows()).toEqualTypeOf<RemoteStream<number, void>>()
  })

  test("place() gives an object whose methods are promises", async () => {
    const pool = {} as Pool<typeof module>
    await using session = await pool.place(a => a.openSession())
    expectTypeOf(session.query("")).toEqualTypeOf<Promise<number>>()
    expectTypeOf(session.ask("")).toEqualTypeOf<Promise<string>>()
    expectTypeOf(session.name).toEqualTypeOf<Promise<string>>()
    for await (const row of session.rows()) expectTypeOf(row).toEqualTypeOf<number>()
    const store = await pool.place(async a => await a.openLater(), { link: false, timeout: "5m" })
    expectTypeOf(store.get(1)).toEqualTypeOf<Promise<number>>()
    expectTypeOf<Placed<number>>().toEqualTypeOf<Unsupported<"place() needs an object with methods">>()
    const anything = await pool.place(a => a.loose())
    expectTypeOf(anything).toEqualTypeOf<any>()
    // @ts-expect-error not an option of place()
    await pool.place(a => a.openSession(), { trackResources: true })
    // @ts-expect-error symbols and private members do not cross
    session.secret
  })
})
