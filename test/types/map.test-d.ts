/** What `pool.map` and `pool.cast` take and give: items, results with either `onError`, and what the compiler must refuse. */
import { describe, expectTypeOf, test } from "vitest"
import type { MapOptions, MapProgress, Pool, ResultStream, SettledItem } from "../../src/index.ts"
import type * as module from "./api.ts"

declare const pool: Pool<typeof module>

describe("results", () => {
  test("are what the function resolves to, awaited and iterated", async () => {
    const stream = pool.map([0.1, 0.2], (api, rate) => api.train(rate))
    expectTypeOf(stream).toEqualTypeOf<ResultStream<module.Model>>()
    expectTypeOf(await stream).toEqualTypeOf<module.Model[]>()
    for await (const model of stream) expectTypeOf(model).toEqualTypeOf<module.Model>()
    expectTypeOf(stream.progress).toEqualTypeOf<MapProgress>()
    expectTypeOf(stream.cancel).toBeCallableWith(new Error("enough"))
  })

  test("of a synchronous, an async and a mixed function are values", () => {
    expectTypeOf(pool.map([1], () => "x" as string)).toEqualTypeOf<ResultStream<string>>()
    expectTypeOf(pool.map([1], async () => 1)).toEqualTypeOf<ResultStream<number>>()
    expectTypeOf(pool.map([1], (api, x) => api.either(x))).toEqualTypeOf<ResultStream<string | number>>()
    expectTypeOf(pool.map([1], () => {})).toEqualTypeOf<ResultStream<void>>()
  })

  test("with 'settle' say what became of each item", async () => {
    const stream = pool.map(["a"], (api, text) => api.identity(text.length), { onError: "settle", concurrency: 2 })
    expectTypeOf(stream).toEqualTypeOf<ResultStream<SettledItem<string, number>>>()
    for (const result of await stream) {
      expectTypeOf(result.item).toEqualTypeOf<string>()
      if (result.status === "fulfilled") expectTypeOf(result.value).toEqualTypeOf<number>()
      else expectTypeOf(result.reason).toEqualTypeOf<unknown>()
    }
  })

  test("are either, where the options do not say which", () => {
    const options: MapOptions = {}
    expectTypeOf(pool.map([1], (api, x) => api.add(x, x), options)).toEqualTypeOf<
      ResultStream<number | SettledItem<number, number>>
    >()
    expectTypeOf(pool.map([1], () => 1, { onError: "throw" })).toEqualTypeOf<ResultStream<number>>()
  })

  test("can be given on as a promise or an iterable", () => {
    const stream = pool.map([1], () => 1)
    expectTypeOf(stream).toExtend<Promise<number[]>>()
    expectTypeOf(stream).toExtend<AsyncIterable<number>>()
    expectTypeOf(Promise.all([stream, stream])).toEqualTypeOf<Promise<[number[], number[]]>>()
  })
})

describe("items", () => {
  test("come from anything that `for await` takes, promises resolved", () => {
    const numbers = function* () {
      yield 1
    }
    const later = async function* () {
      yield 1
    }
    const take = (_api: unknown, x: number, index: number) => x + index
    expectTypeOf(pool.map([1] as const, take)).toEqualTypeOf<ResultStream<number>>()
    expectTypeOf(pool.map(new Set([1]), take)).toEqualTypeOf<ResultStream<number>>()
    expectTypeOf(pool.map(numbers(), take)).toEqualTypeOf<ResultStream<number>>()
    expectTypeOf(pool.map(later(), take)).toEqualTypeOf<ResultStream<number>>()
    expectTypeOf(pool.map(new ReadableStream<number>(), take)).toEqualTypeOf<ResultStream<number>>()
    pool.map([Promise.resolve(1)], (_, x) => expectTypeOf(x).toEqualTypeOf<number>())
    pool.map(pool.api.losses(3), (_, x) => expectTypeOf(x).toEqualTypeOf<number>())
    pool.map(new Map([["a", 1]]), (_, [key, value]) => {
      expectTypeOf(key).toEqualTypeOf<string>()
      expectTypeOf(value).toEqualTypeOf<number>()
    })
  })

  test("of the wrong kind are refused", () => {
    // @ts-expect-error an object is not iterable
    pool.map({ a: 1 }, () => 1)
    // @ts-expect-error a promise of an array: await it first
    pool.map(Promise.resolve([1]), () => 1)
    // @ts-expect-error the function takes text
    pool.map([1], (api, x: string) => api.identity(x))
  })
})

test("mistakes are refused", () => {
  // @ts-expect-error a misspelt function
  pool.map([1], api => api.trian(1))
  // @ts-expect-error a misspelt option
  pool.map([1], () => 1, { concurency: 2 })
  // @ts-expect-error not an order
  pool.map([1], () => 1, { order: "random" })
  // @ts-expect-error no function
  pool.map([1])
})

test("cast gives nothing back", () => {
  expectTypeOf(pool.cast(api => api.train(1))).toEqualTypeOf<void>()
  expectTypeOf(pool.cast(() => {}, { timeout: "5m" })).toEqualTypeOf<void>()
  // @ts-expect-error a misspelt function
  pool.cast(api => api.trian(1))
})
