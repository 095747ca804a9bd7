/** Errors across the wire: what was thrown there is what is caught here. */
import { inspect } from "node:util"
import { runInNewContext } from "node:vm"
import { expose, transferHandlers, wrap } from "comlink"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { NoExportError, ProtocolError } from "../../src/shared/errors.ts"
import { lowerError, raiseError } from "../../src/transport/remote-error.ts"
import { registerClass } from "../../src/transport/types-registry.ts"
import { trip } from "./codec-helpers.ts"

/** As it is caught on the other side. */
function rethrown(thrown: unknown): any {
  return raiseError(trip(lowerError(thrown)))
}

class AppError extends Error {
  override name = "AppError"
  code = "E_APP"
  details = { when: new Date(4), bytes: Uint8Array.of(1, 2) }
}

describe("errors", () => {
  test("keep class, name, message, stack, code and own fields", () => {
    const error = Object.assign(new RangeError("too far"), { code: "E_FAR", limit: 5n })
    const got = rethrown(error)
    expect(got).toBeInstanceOf(RangeError)
    expect(got.stack).toBe(error.stack)
    expect({ ...got, name: got.name, message: got.message }).toEqual({
      name: "RangeError",
      message: "too far",
      code: "E_FAR",
      limit: 5n,
    })
    expect(Object.keys(got)).toEqual(["code", "limit"])
  })

  test.each([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])("%o stays itself", C => {
    const got = rethrown(new C("m"))
    expect(Object.getPrototypeOf(got)).toBe(C.prototype)
    expect(Object.hasOwn(got, "name")).toBe(false)
  })

  test("of a class of the user's own arrive as Error with that name", () => {
    const got = rethrown(new AppError("app"))
    expect(got).toBeInstanceOf(Error)
    expect(got).toMatchObject({ name: "AppError", message: "app", code: "E_APP" })
    expect(got.details).toEqual({ when: new Date(4), bytes: Uint8Array.of(1, 2) })
    expect(inspect(got)).toContain("AppError")
  })

  test("of a registered class arrive as instances of it, with its methods", () => {
    class Refusal extends TypeError {
      constructor(readonly status: number) {
        super(`refused: ${status}`)
      }
      get final(): boolean {
        return this.status >= 400
      }
    }
    registerClass(Refusal, "test.Refusal")
    const error = new Refusal(404)
    const got = rethrown(error)
    expect(got).toBeInstanceOf(Refusal)
    expect(got).toMatchObject({ message: "refused: 404", status: 404, final: true, stack: error.stack })
    expect(rethrown(new Error("outer", { cause: error })).cause).toBeInstanceOf(Refusal)
    class Closer extends Refusal {}
    expect(rethrown(new Closer(1))).not.toBeInstanceOf(Refusal) // that class is not registered
  })

  test("never take a class that is no error's, or is not registered here", () => {
    class Box {}
    registerClass(Box, "test.Box")
    for (const name of ["test.Box", "test.Nowhere", "constructor", "__proto__", 1, null]) {
      const got: any = raiseError({ isError: true, value: { name: "AppError", message: "m" }, class: name })
      expect(Object.getPrototypeOf(got)).toBe(Error.prototype)
      expect(got).toMatchObject({ name: "AppError", message: "m" })
    }
  })

  test("of slurm-flame itself keep their code", () => {
    const got = rethrown(new NoExportError("no such export", { hint: "look" }))
    expect(got).toMatchObject({ name: "NoExportError", code: "ERR_FLAME_NO_EXPORT", hint: "look", retryable: true })
  })

  test("keep causes and aggregated errors, all the way down", () => {
    const error = new AggregateError([new TypeError("a"), "b", new Error("c", { cause: undefined })], "several", {
      cause: new Error("outer", { cause: Object.assign(new RangeError("inner"), { code: 7 }) }),
    })
    const got = rethrown(error)
    expect(got).toBeInstanceOf(AggregateError)
    expect(got.errors[0]).toBeInstanceOf(TypeError)
    expect(got.errors[1]).toBe("b")
    expect(Object.hasOwn(got.errors[2], "cause")).toBe(true)
    expect(got.cause.cause).toBeInstanceOf(RangeError)
    expect(got.cause.cause.code).toBe(7)
    expect(Object.keys(got)).toEqual([])
    expect(Object.hasOwn(rethrown(new Error("none")), "cause")).toBe(false)
  })

  test("that cause themselves, and endless chains, arrive", () => {
    const self: Error = new Error("self")
    self.cause = self
    expect(rethrown(self).cause.cause.message).toBe("self")
    let chain = new Error("0")
    for (let i = 1; i < 3_000; i++) chain = new Error(String(i), { cause: chain })
    let got = rethrown(chain)
    let depth = 0
    while (got.cause !== undefined) {
      got = got.cause
      depth++
    }
    expect(depth).toBeGreaterThan(300)
    expect(got.droppedFields).toEqual(["cause"])
  })

  test("lose only what cannot cross, and say what", () => {
    const error = Object.assign(new Error("x", { cause: () => 1 }), {
      fn() {},
      sym: Symbol("s"),
      deep: { a: [Promise.resolve()] },
      ok: new Map([[1, 2]]),
    })
    const got = rethrown(error)
    expect(got.ok).toEqual(new Map([[1, 2]]))
    expect(got.droppedFields).toEqual(["cause", "fn", "sym", "deep"])
    expect(rethrown(Object.assign(got, { again() {} })).droppedFields).toEqual(["cause", "fn", "sym", "deep", "again"])
  })

  test("of another realm, DOMException, and with getters that throw", () => {
    expect(rethrown(runInNewContext("new TypeError('elsewhere')"))).toBeInstanceOf(TypeError)
    expect(rethrown(new DOMException("stop", "AbortError"))).toMatchObject({
      name: "AbortError",
      message: "stop",
      code: 20,
    })
    const hostile = new Error("shown")
    for (const key of ["stack", "code", "name", "extra"]) {
      Object.defineProperty(hostile, key, {
        enumerable: true,
        get() {
          throw new Error(`no ${key}`)
        },
      })
    }
    const got = rethrown(hostile)
    expect(got.message).toBe("shown")
    expect(got.stack).toBe("Error: shown")
    expect(got.droppedFields).toContain("extra (threw no extra)")
    const trap = () => {
      throw new Error("trap")
    }
    const proxy = new Proxy(new Error("x"), { get: trap, has: trap, ownKeys: trap })
    expect(rethrown(proxy)).toBeInstanceOf(Error)
  })

  test("with fields of ill repute are still only errors", () => {
    const error = Object.assign(new Error("x"), JSON.parse('{"__proto__":{"bad":1},"constructor":2,"then":3}'))
    Object.defineProperty(error, "__proto__", { value: { bad: 1 }, enumerable: true })
    const got = rethrown(error)
    expect(Object.getPrototypeOf(got)).toBe(Error.prototype)
    expect(got.then).toBe(3)
  })
})

describe("other things thrown", () => {
  test.each([["x"], [undefined], [null], [0], [-0], [false], [""], [5n]])("%o arrives as itself", value => {
    expect(Object.is(rethrown(value), value)).toBe(true)
  })

  test("objects arrive as themselves", () => {
    expect(rethrown({ status: 404, when: new Date(1) })).toEqual({ status: 404, when: new Date(1) })
  })

  test("what cannot cross becomes an error that says so", () => {
    expect(rethrown(() => 1).message).toMatch(/^a function was thrown, which cannot cross/)
    expect(rethrown(Symbol("s")).message).toMatch(/Symbol\(s\) was thrown/)
    const unreadable = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no")
        },
        getPrototypeOf: () => {
          throw new Error("no")
        },
      },
    )
    expect(rethrown(unreadable)).toBeInstanceOf(Error)
  })
})

describe("the wire form", () => {
  test("is that of Comlink's throw handler", () => {
    const lowered = lowerError(Object.assign(new TypeError("m"), { code: "E" }))
    expect(lowered).toMatchObject({ isError: true, value: { name: "TypeError", message: "m", code: "E" } })
    expect(lowerError("s")).toEqual({ isError: false, value: "s" })
    const unmodified = transferHandlers.get("throw") as unknown as { deserialize(v: unknown): never }
    expect(() => unmodified.deserialize(trip(lowered))).toThrow(
      expect.objectContaining({ message: "m", code: "E", name: "TypeError" }),
    )
  })

  test("of an unmodified Comlink peer is understood", async () => {
    const { port1, port2 } = new MessageChannel()
    let wire: unknown
    port2.addEventListener("message", event => {
      wire = (event as Event & { data: { value: unknown } }).data.value
    })
    expose(() => {
      throw new RangeError("theirs")
    }, port1)
    await expect(wrap<() => void>(port2)()).rejects.toThrow("theirs")
    port1.close()
    expect(raiseError(wire)).toBeInstanceOf(RangeError)
  })

  test.each([
    [undefined],
    [null],
    [1],
    [{}],
    [{ isError: true }],
    [{ isError: true, value: 1 }],
    [{ isError: 1, value: {} }],
  ])("%o is none", data => expect(() => raiseError(data)).toThrow(ProtocolError))

  test("with odd fields still makes an error", () => {
    expect(raiseError({ isError: true, value: { name: 1, message: [], stack: {} } })).toMatchObject({
      name: "Error",
      message: "",
    })
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof(fc.string(), fc.constantFrom("name", "message", "stack", "cause", "__proto__")),
          fc.anything(),
        ),
        value => {
          expect(raiseError({ isError: true, value })).toBeInstanceOf(Error)
        },
      ),
    )
  })
})
