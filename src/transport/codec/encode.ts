/**
 * Values to JSON and parts. One walk copies the containers of a value, puts markers where JSON has no word, and notes whether
 * there was any: if not, the JSON is that of the value itself. The copy (an object spread) costs next to nothing beside the
 * walk and reads every getter once. Must not know what a live value is: `lower` says.
 */
import { types } from "node:util"
import { DROPPED, isError, readError, setOwn, takeDropped } from "../error-shape.ts"
import { type AnyType, nameOfClass, typeOf } from "../types-registry.ts"
import { takeBinary } from "./binary.ts"
import { Identity } from "./identity.ts"
import { leaveParts, moveParts } from "./parts.ts"
import { formatPath } from "./path.ts"
import { hasForeignMark, hasHole, inheritsToJson, isIterable, isProxyMarked, shield } from "./probes.ts"
import { classNameOf, failure, notSerializable, refusal, tooDeep } from "./refusal.ts"
import * as tag from "./tags.ts"
import type { Encoded, Lower } from "./types.ts"

/**
 * Encodes one value. `root` is what error paths call it. What `transfer()` marked is moved out of the caller's hands, after
 * all else has succeeded; with `moves` false it is left, for one who only wants to see whether and how the value crosses.
 * @throws NotSerializableError naming the path of what cannot cross; nothing was sent, but `lower` may have been called
 */
export function encode(value: unknown, lower?: Lower, root = "value", moves = true): Encoded {
  return new Encoder(lower, root).encode(value, moves)
}

type Fields = Record<string, unknown>

class Encoder {
  private rich = false
  private readonly parts: Uint8Array[] = []
  private readonly identity = new Identity()
  /** Values whose registered type is serialising them at the moment. */
  private readonly open: object[] = []
  private readonly holders: unknown[] = []
  private readonly trail: unknown[] = []
  private at = 0
  private readonly polluted = tag.prototypeIsPolluted()

  constructor(
    private lower: Lower | undefined,
    private readonly root: string,
  ) {}

  encode(value: unknown, moves: boolean): Encoded {
    try {
      const tree = this.value(value, 0)
      if (inheritsToJson()) shield(tree)
      const json = JSON.stringify(this.identity.shared ? [tag.ROOT, tree] : tree)
      const parts = moves ? moveParts(this.parts, json.length) : leaveParts(this.parts)
      return { json, rich: this.rich, parts }
    } catch (error) {
      throw failure(error, this.path(this.at), this.root)
    }
  }

  /** What stands for `v` in JSON. `d`: how many levels of containers are around it. */
  private value(v: unknown, d: number): unknown {
    switch (typeof v) {
      case "string":
        return v.charCodeAt(0) === tag.MARK ? this.mark(`~${v}`) : v
      case "number":
        if (v - v === 0 && (v !== 0 || 1 / v > 0)) return v
        return this.mark(v === 0 ? tag.MINUS_ZERO : v > 0 ? tag.INFINITY : v < 0 ? tag.MINUS_INFINITY : tag.NAN)
      case "boolean":
        return v
      case "object":
        return v === null ? v : this.object(v, d)
      case "undefined":
        return this.mark(tag.UNDEFINED)
      case "bigint":
        return this.mark(tag.BIGINT + v)
      case "function":
        return this.again(v, d) ?? this.live(v, d) ?? this.refuse(v, d)
      default:
        return this.refuse(v, d)
    }
  }

  private object(v: object, d: number): unknown {
    const ref = this.again(v, d)
    if (ref !== undefined) return ref
    this.at = d
    if (d >= tag.MAX_DEPTH) throw tooDeep(this.path(d))
    if (isProxyMarked(v)) return this.live(v, d) ?? this.refuse(v, d)
    const proto: unknown = Object.getPrototypeOf(v)
    if (proto === Object.prototype || proto === null) return this.plain(v, d)
    if (proto === Array.prototype && Array.isArray(v)) return this.list(v, d)
    if (proto === Date.prototype) return this.date(v as Date)
    if (proto === Map.prototype) return this.map(v as Map<unknown, unknown>, d)
    if (proto === Set.prototype) return this.set(v as Set<unknown>, d)
    return this.builtin(v, d) ?? this.foreign(v, (proto as object).constructor, d)
  }

  private plain(v: object, d: number): unknown {
    if (isIterable(v)) return this.live(v, d) ?? this.refuse(v, d)
    const objects = this.identity.size
    const parts = this.parts.length
    const fields = this.fields(v, d)
    if (fields !== undefined) return fields
    this.forget(objects, parts)
    return this.live(v, d) ?? this.refuse(v, d)
  }

  /** A copy with its values encoded. Undefined: it turned out to be marked as a proxy by another copy of Comlink. */
  private fields(v: object, d: number): Fields | undefined {
    const copy: Fields = { ...v }
    this.holders[d] = v
    for (const key in copy) {
      if (this.polluted && !Object.hasOwn(copy, key)) continue
      const x = copy[key]
      if (typeof x === "function" && hasForeignMark(v)) return undefined
      this.trail[d] = key
      const y = this.value(x, d + 1)
      if (y !== x) copy[key] = y
    }
    return copy
  }

  private list(v: unknown[], d: number): unknown[] {
    this.holders[d] = v
    if (v.length > tag.MAX_DENSE && hasHole(v)) return this.sparse(v, d)
    const copy: unknown[] = v.slice()
    for (let i = 0; i < copy.length; i++) {
      const x = copy[i]
      if (x === undefined) {
        copy[i] = this.mark(i in copy ? tag.UNDEFINED : tag.HOLE)
        continue
      }
      this.trail[d] = i
      const y = this.value(x, d + 1)
      if (y !== x) copy[i] = y
    }
    return copy
  }

  private sparse(v: unknown[], d: number): unknown[] {
    const out: unknown[] = [this.mark(tag.SPARSE), v.length]
    for (const key of Object.keys(v)) {
      const i = Number(key)
      // Indexes come first; what follows are named properties, which no array takes along.
      if (!Number.isInteger(i) || i >= v.length || String(i) !== key) break
      this.trail[d] = i
      out.push(i, this.value(v[i], d + 1))
    }
    return out
  }

  private date(v: Date): string {
    return this.mark(tag.DATE + Date.prototype.getTime.call(v))
  }

  private map(v: Map<unknown, unknown>, d: number): unknown[] {
    this.holders[d] = v
    const out: unknown[] = [this.mark(tag.MAP)]
    let at = 0
    for (const [key, x] of v) {
      this.trail[d] = at++
      out.push(this.value(key, d + 1))
      this.trail[d] = at++
      out.push(this.value(x, d + 1))
    }
    return out
  }

  private set(v: Set<unknown>, d: number): unknown[] {
    this.holders[d] = v
    const out: unknown[] = [this.mark(tag.SET)]
    let at = 0
    for (const x of v) {
      this.trail[d] = at++
      out.push(this.value(x, d + 1))
    }
    return out
  }

  /** The less frequent types of the language, and those of other realms. Subclasses are not these: they would lose their class. */
  private builtin(v: object, d: number): unknown {
    const binary = takeBinary(v)
    if (binary !== undefined && "kind" in binary) {
      return this.mark(`${tag.BINARY}${binary.kind}:${this.parts.push(binary.bytes) - 1}`)
    }
    if (binary !== undefined) {
      if (typeOf(v) !== undefined) return undefined
      const hint = "send a copy: value.slice(), taken before it is transferred"
      throw notSerializable(this.path(d), `it is ${binary.refused}`, hint)
    }
    switch (classNameOf(v)) {
      case "Object":
        // Another realm's Object.prototype; an object that merely inherits from a plain one has no such method of its own.
        return Object.hasOwn(Object.getPrototypeOf(v), "isPrototypeOf") ? this.plain(v, d) : undefined
      case "Array":
        return Array.isArray(v) ? this.list(v, d) : undefined
      case "Date":
        return types.isDate(v) ? this.date(v) : undefined
      case "Map":
        return types.isMap(v) ? this.map(v, d) : undefined
      case "Set":
        return types.isSet(v) ? this.set(v, d) : undefined
      case "RegExp":
        return types.isRegExp(v)
          ? [this.mark(tag.REGEXP), ...[v.source, v.flags].map(s => this.value(s, d))]
          : undefined
      case "URL":
        return v instanceof URL ? this.mark(tag.URL_MARK + v.href) : undefined
      case "Number":
      case "String":
      case "Boolean":
      case "BigInt":
        return types.isBoxedPrimitive(v) ? [this.mark(tag.BOXED), this.value(v.valueOf(), d)] : undefined
      default:
        return undefined
    }
  }

  /** Classes that are not the language's: registered, errors, live, or refused. */
  private foreign(v: object, ctor: unknown, d: number): unknown {
    if (!hasForeignMark(v)) {
      const type = typeOf(v)
      if (type !== undefined) return this.registered(v, type, d)
      if (isError(v)) return this.error(v, nameOfClass(ctor), d)
      const name = nameOfClass(ctor)
      if (name !== undefined) {
        const fields = this.fields(v, d)
        if (fields !== undefined) return [this.mark(tag.CLASS), this.value(name, d), fields]
      }
    }
    return this.live(v, d) ?? this.refuse(v, d)
  }

  private registered(v: object, type: AnyType, d: number): unknown[] {
    this.holders[d] = v
    this.trail[d] = undefined
    this.open.push(v)
    try {
      return [this.mark(tag.TYPE), this.value(type.name, d), this.value(type.serialize(v), d + 1)]
    } finally {
      this.open.pop()
    }
  }

  /** Fields of an error that cannot cross are left out and listed, so that an error always arrives. */
  private error(v: object, name: string | undefined, d: number): unknown[] {
    const fields = readError(v)
    const out: Fields = {}
    const dropped = takeDropped(fields)
    const lower = this.lower
    // No channel is opened for what hangs on an error: nobody would close it.
    this.lower = undefined
    this.holders[d] = v
    for (const key of Object.keys(fields)) {
      this.trail[d] = key
      const objects = this.identity.size
      const parts = this.parts.length
      try {
        setOwn(out, key, this.value(fields[key], d + 1))
      } catch {
        // Whatever it was, the error that carries the field matters more; the field is named in its list.
        dropped.push(key)
        this.forget(objects, parts)
      }
    }
    this.lower = lower
    if (dropped.length > 0) out[DROPPED] = this.value(dropped, d + 1)
    return [this.mark(tag.ERROR), out, ...(name === undefined ? [] : [this.value(name, d)])]
  }

  private live(v: object, d: number): unknown[] | undefined {
    const ref = this.lower?.(v, () => this.path(d))
    return ref === undefined ? undefined : [this.mark(tag.LIVE), ref]
  }

  /** The reference to an object met before; undefined, and it has the next number, when it is new. */
  private again(v: object, d: number): string | undefined {
    const id = this.identity.meet(v)
    if (id === undefined) return undefined
    if (this.open.includes(v)) {
      const hint = "let serialize() return data without a way back to the value"
      throw notSerializable(this.path(d), "what its registered type serialises refers to itself", hint)
    }
    return this.mark(tag.REF + id)
  }

  /** Takes back the numbers and parts given since there were that many. */
  private forget(objects: number, parts: number): void {
    this.parts.length = parts
    this.identity.forget(objects)
  }

  private mark<T>(marker: T): T {
    this.rich = true
    return marker
  }

  private refuse(v: unknown, d: number): never {
    throw refusal(v, this.path(d))
  }

  private path(d: number): string {
    return formatPath(this.root, this.holders, this.trail, d)
  }
}
