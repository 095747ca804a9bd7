import { inspect } from "node:util"
import { describe, expect, it, vi } from "vitest"
import { apiProxy } from "../../src/parent/api-proxy.ts"
import { OptionError } from "../../src/shared/errors.ts"

function setUp() {
  const invoke = vi.fn((operation: { kind: string; path: string[] }) =>
    Promise.resolve(`${operation.kind} ${operation.path.join(".")}`),
  )
  return { invoke, api: apiProxy(invoke) as any }
}

describe("api", () => {
  it("turns a call into its path and arguments", async () => {
    const { api, invoke } = setUp()
    expect(await api.train(1, "a")).toBe("apply train")
    expect(await api.models.deep.load()).toBe("apply models.deep.load")
    expect(invoke.mock.calls.map(([operation]) => operation)).toEqual([
      { kind: "apply", path: ["train"], args: [1, "a"] },
      { kind: "apply", path: ["models", "deep", "load"], args: [] },
    ])
  })

  it("reads data when it is awaited, and only then", async () => {
    const { api, invoke } = setUp()
    const settings = api.settings
    expect(invoke).not.toHaveBeenCalled()
    expect(await settings.rate).toBe("get settings.rate")
    expect(invoke).toHaveBeenCalledTimes(1)
  })

  it("hands a failed read to whoever awaits it", async () => {
    const api = apiProxy(() => Promise.reject(new Error("gone"))) as any
    await expect(api.settings).rejects.toThrow("gone")
  })

  it("makes each path once", () => {
    const { api } = setUp()
    expect(api.train).toBe(api.train)
    expect(api.a.b).toBe(api.a.b)
    expect(api.a).not.toBe(api.b)
  })

  it("may be awaited and returned from async functions itself", async () => {
    const { api, invoke } = setUp()
    expect(await api).toBe(api)
    expect(await (async () => api)()).toBe(api)
    expect(invoke).not.toHaveBeenCalled()
  })

  // None of these is meant as a call: printers, loggers, test tools and the language itself ask them of everything.
  it.each<[string, (value: any) => unknown]>([
    ["util.inspect", value => inspect(value, { depth: 9, showHidden: true })],
    ["util.inspect with getters", value => inspect(value, { getters: true })],
    ["JSON.stringify", value => JSON.stringify({ value })],
    ["a template string", value => `${value}`],
    ["String()", value => String(value)],
    ["an addition", value => 1 + value],
    ["a comparison", value => value === "x" || value > 1],
    ["Object.keys", value => Object.keys(value)],
    ["a spread", value => ({ ...value })],
    ["in", value => "train" in value],
    ["instanceof", value => value instanceof Error || value instanceof Promise],
    ["toString of Object", value => Object.prototype.toString.call(value)],
    ["symbols", value => [value[Symbol.iterator], value[Symbol.asyncIterator], value[Symbol.toStringTag]]],
    ["what React and jest ask", value => [value.$$typeof, value.nodeType, value.toJSON, value.constructor]],
    ["a look at its prototype", value => [Object.getPrototypeOf(value), value.prototype]],
    ["an equality of vitest's", value => expect(value).not.toEqual({ a: 1 })],
  ])("%s sends nothing", (_what, use) => {
    const { api, invoke } = setUp()
    for (const value of [api, api.train, api.models.load]) expect(() => use(value)).not.toThrow()
    expect(invoke).not.toHaveBeenCalled()
  })

  it("says in a text what it is", () => {
    const { api } = setUp()
    expect(`${api}, ${api.models.load}`).toBe("[remote api], [remote api.models.load]")
  })

  it("cannot be assigned to, and says why", () => {
    const { api } = setUp()
    const assign = () => {
      api.settings.rate = 5
    }
    expect(assign).toThrow(OptionError)
    expect(assign).toThrow(/api\.settings\.rate cannot be assigned\n.*export a function that changes its state/)
  })
})
