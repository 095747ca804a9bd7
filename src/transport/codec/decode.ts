/**
 * JSON and parts to values. The input is a peer's: whatever it holds, the outcome is a value or a ProtocolError, no prototype
 * changes and nothing is run but the constructors named here and what the user registered. Must not know what a live value
 * is: `raise` says.
 */
import { FlameError, ProtocolError } from "../../shared/errors.ts"
import type { Json } from "../../shared/json.ts"
import { makeError, setErrorField, setOwn } from "../error-shape.ts"
import { classNamed, typeNamed } from "../types-registry.ts"
import { makeBinary } from "./binary.ts"
import { RegExpBudget } from "./regexp.ts"
import { malformed, toBigInt, toDate, toIndex, toUrl } from "./scalars.ts"
import * as tag from "./tags.ts"
import type { Raise } from "./types.ts"

/**
 * Decodes what `encode` made. Typed arrays are built on the given buffers, which must be exact, unshared and used once.
 * @throws ProtocolError for anything `encode` does not write
 */
export function decode(json: string, rich: boolean, parts: readonly ArrayBuffer[], raise?: Raise): unknown {
  let tree: unknown
  try {
    tree = JSON.parse(json)
  } catch (error) {
    throw unreadable(error)
  }
  return decodeTree(tree, rich, parts, raise)
}

/**
 * Decodes what JSON.parse made of an encoded value, in place: `tree` is the caller's no longer. For messages that arrive
 * several in one text.
 * @throws ProtocolError for anything `encode` does not write
 */
export function decodeTree(tree: unknown, rich: boolean, parts: readonly ArrayBuffer[], raise?: Raise): unknown {
  try {
    if (rich) return new Decoder(parts, raise).decode(tree)
    if (parts.length > 0) throw malformed(`${parts.length} binary parts with a plain message`)
    return tree
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(error: unknown): FlameError {
  if (error instanceof FlameError) return error
  const reason = error instanceof RangeError && /call stack/i.test(error.message) ? "nested too deeply" : "malformed"
  return new ProtocolError(`the peer sent a value that is ${reason}`, { cause: error })
}

type Fields = Record<string, unknown>

/** Stands in the list of objects for one that is not made yet. */
const PENDING = Symbol("pending")

class Decoder {
  /** Objects in the order they are met, where the message refers to them. */
  private met: unknown[] | undefined
  private readonly used = new Set<number>()
  private readonly regexps = new RegExpBudget()
  private readonly polluted = tag.prototypeIsPolluted()

  constructor(
    private readonly parts: readonly ArrayBuffer[],
    private readonly raise: Raise | undefined,
  ) {}

  decode(tree: unknown): unknown {
    let body = tree
    if (Array.isArray(tree) && tree[0] === tag.ROOT) {
      if (tree.length !== 2) throw malformed("a root of the wrong length")
      this.met = []
      body = tree[1]
    }
    const value = this.value(body, 0)
    if (this.used.size !== this.parts.length) throw malformed("binary parts that nothing refers to")
    return value
  }

  private value(v: unknown, d: number): unknown {
    if (typeof v === "string") return v.charCodeAt(0) === tag.MARK ? this.scalar(v) : v
    if (typeof v !== "object" || v === null) return v
    if (d > tag.MAX_DEPTH) throw malformed(`more than ${tag.MAX_DEPTH} levels`)
    if (!Array.isArray(v)) {
      this.met?.push(v)
      return this.fields(v as Fields, d)
    }
    const head: unknown = v[0]
    if (typeof head === "string" && head.length === 2 && head.charCodeAt(0) === tag.MARK) {
      const container = this.container(head, v, d)
      if (container !== undefined) return container
    }
    this.met?.push(v)
    for (let i = 0; i < v.length; i++) {
      const x: unknown = v[i]
      if (typeof x === "string") {
        if (x.charCodeAt(0) !== tag.MARK) continue
        if (x === tag.HOLE) delete v[i]
        else v[i] = this.scalar(x)
      } else if (typeof x === "object" && x !== null) {
        const y = this.value(x, d + 1)
        if (y !== x) v[i] = y
      }
    }
    return v
  }

  /** Decodes the values of an object in place. JSON.parse made its keys own data, `__proto__` too, so a store stays on it. */
  private fields(v: Fields, d: number): Fields {
    for (const key in v) {
      if (this.polluted && !Object.hasOwn(v, key)) continue
      const x = v[key]
      if (typeof x === "string") {
        if (x.charCodeAt(0) === tag.MARK) v[key] = this.scalar(x)
      } else if (typeof x === "object" && x !== null) {
        const y = this.value(x, d + 1)
        // To await what has a `then` is to call it: over there, where nobody hears that it failed.
        if (typeof y === "function" && key === "then")
          throw malformed("a promise, whose `then` is a function of the peer's")
        if (y !== x) v[key] = y
      }
    }
    return v
  }

  private scalar(s: string): unknown {
    switch (s.slice(0, 2)) {
      case "~~":
        return s.slice(1)
      case tag.DATE:
        return this.meet(toDate(s.slice(2)))
      case tag.BIGINT:
        return toBigInt(s.slice(2))
      case tag.URL_MARK:
        return this.meet(toUrl(s.slice(2)))
      case tag.BINARY:
        return this.meet(this.binary(s.slice(2)))
      case tag.REF:
        return this.reference(s.slice(2))
    }
    switch (s) {
      case tag.UNDEFINED:
        return undefined
      case tag.NAN:
        return Number.NaN
      case tag.INFINITY:
        return Number.POSITIVE_INFINITY
      case tag.MINUS_INFINITY:
        return Number.NEGATIVE_INFINITY
      case tag.MINUS_ZERO:
        return -0
      default:
        throw malformed(`the marker ${JSON.stringify(s.slice(0, 20))} where there is none`)
    }
  }

  /** Undefined: `head` opens no container, the array is an ordinary one. */
  private container(head: string, v: unknown[], d: number): unknown {
    switch (head) {
      case tag.MAP: {
        if (v.length % 2 !== 1) throw malformed("a Map with half an entry")
        const map = this.meet(new Map<unknown, unknown>())
        for (let i = 1; i < v.length; i += 2) map.set(this.value(v[i], d + 1), this.value(v[i + 1], d + 1))
        return map
      }
      case tag.SET: {
        const set = this.meet(new Set<unknown>())
        for (let i = 1; i < v.length; i++) set.add(this.value(v[i], d + 1))
        return set
      }
      case tag.REGEXP: {
        expectLength(v, 3)
        const source = this.text(v[1])
        if (!this.regexps.takes(source)) throw malformed("regular expressions with too many Unicode properties")
        return this.meet(new RegExp(source, this.text(v[2])))
      }
      case tag.BOXED: {
        expectLength(v, 2)
        const slot = this.reserve()
        const primitive = this.value(v[1], d + 1)
        if (!["string", "number", "boolean", "bigint"].includes(typeof primitive)) throw malformed("a boxed value")
        return this.settle(slot, Object(primitive))
      }
      case tag.SPARSE:
        return this.sparse(v, d)
      case tag.ERROR:
        return this.error(v, d)
      case tag.CLASS: {
        expectLength(v, 3)
        const name = this.text(v[1])
        const known = classNamed(name)
        if (known === undefined) throw unknownType("class", name)
        const object = this.meet(Object.create(known.prototype) as object)
        const fields = this.fields(asFields(v[2]), d)
        for (const key of Object.keys(fields)) setOwn(object, key, fields[key])
        return object
      }
      case tag.TYPE: {
        expectLength(v, 3)
        const name = this.text(v[1])
        const type = typeNamed(name)
        if (type === undefined) throw unknownType("type", name)
        const slot = this.reserve()
        return this.settle(slot, type.deserialize(this.value(v[2], d + 1)))
      }
      case tag.LIVE: {
        expectLength(v, 2)
        if (this.raise === undefined) throw malformed("a live value where none is allowed")
        return this.meet(this.raise(v[1] as Json))
      }
      default:
        return undefined
    }
  }

  private sparse(v: unknown[], d: number): unknown[] {
    const length = v[1]
    if (typeof length !== "number" || length !== length >>> 0 || v.length % 2 !== 0) throw malformed("a sparse array")
    const array: unknown[] = this.meet([])
    // At the greatest length V8 keeps an array as a table of what it holds, and goes on doing so when it gets shorter. A
    // smaller length set at once would allocate its elements, so that a few bytes from a peer cost 256 MiB.
    array.length = 0xffff_ffff
    array.length = length
    let last = -1
    for (let i = 2; i < v.length; i += 2) {
      const index = v[i]
      if (typeof index !== "number" || !Number.isInteger(index) || index <= last || index >= length) {
        throw malformed("an index of a sparse array")
      }
      last = index
      array[index] = this.value(v[i + 1], d + 1)
    }
    return array
  }

  private error(v: unknown[], d: number): Error {
    if (v.length !== 2 && v.length !== 3) throw malformed("an error")
    const fields = asFields(v[1])
    const error = this.meet(makeError(this.text(fields.name), this.text(fields.message), this.text(fields.stack)))
    if (v.length === 3) {
      const name = this.text(v[2])
      const known = classNamed(name)
      if (known === undefined) throw unknownType("class", name)
      Object.setPrototypeOf(error, known.prototype)
    }
    for (const key of Object.keys(fields)) {
      if (key === "name" || key === "message" || key === "stack") continue
      const field = this.value(fields[key], d + 1)
      if (typeof field === "function" && key === "then") throw malformed("an error that is a promise")
      setErrorField(error, key, field)
    }
    return error
  }

  private binary(s: string): object {
    const colon = s.indexOf(":")
    const index = toIndex(s.slice(colon + 1))
    const part = this.parts[index]
    if (colon < 0 || part === undefined || this.used.has(index)) throw malformed(`no binary part ${s.slice(0, 40)}`)
    this.used.add(index)
    const made = makeBinary(s.slice(0, colon), part)
    if (typeof made === "string") throw malformed(made)
    return made
  }

  private reference(s: string): unknown {
    const index = toIndex(s)
    if (this.met === undefined || index >= this.met.length) throw malformed(`a reference to object ${s.slice(0, 20)}`)
    const object = this.met[index]
    if (object === PENDING) throw malformed("a reference to a value that is still being made")
    return object
  }

  private text(v: unknown): string {
    const s = typeof v === "string" ? this.value(v, 0) : undefined
    if (typeof s !== "string") throw malformed("something else where a text must be")
    return s
  }

  private meet<T>(object: T): T {
    this.met?.push(object)
    return object
  }

  private reserve(): number {
    return this.met === undefined ? -1 : this.met.push(PENDING) - 1
  }

  private settle<T>(slot: number, object: T): T {
    if (this.met !== undefined) this.met[slot] = object
    return object
  }
}

function asFields(v: unknown): Fields {
  if (typeof v !== "object" || v === null || Array.isArray(v)) throw malformed("fields that are none")
  return v as Fields
}

function expectLength(v: unknown[], length: number): void {
  if (v.length !== length) throw malformed(`a ${JSON.stringify(v[0])} of length ${v.length}`)
}

function unknownType(kind: string, name: string): ProtocolError {
  return new ProtocolError(
    `the peer sent a value of the ${kind} ${JSON.stringify(name.slice(0, 80))}, which is not registered here`,
    {
      hint: "call registerClass() or registerType() with the same name in the parent program and in the runner's module",
    },
  )
}
