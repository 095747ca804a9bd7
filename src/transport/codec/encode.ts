/**
 * Values to JSON and parts, in one walk that reads everything once and writes the JSON as it goes: markers where JSON has no
 * word. Must not know what a live value is: `lower` says.
 */
import { types } from "node:util"
import { DROPPED, isError, readError, takeDropped } from "../error-shape.ts"
import { type AnyType, nameOfClass, typeOf } from "../types-registry.ts"
import { takeBinary } from "./binary.ts"
import { CLOSE_LIST, COMMA, Message, OPEN_LIST } from "./message.ts"
import { hasForeignMark, hasHole, inheritsToJson, isIterable, isProxyMarked } from "./probes.ts"
import { classNameOf, failure, notSerializable, tooDeep } from "./refusal.ts"
import * as tag from "./tags.ts"
import type { Encoded, Lower, Refers } from "./types.ts"

/**
 * Encodes one value. `root` is what error paths call it. What `transfer()` marked is moved out of the caller's hands, after
 * all else has succeeded; with `moves` false it is left, for one who only wants to see whether and how the value crosses.
 * @param refers Objects of which it is true are live, whatever they are.
 * @throws NotSerializableError naming the path of what cannot cross; nothing was sent, but `lower` may have been called
 */
export function encode(value: unknown, lower?: Lower, root = "value", moves = true, refers?: Refers): Encoded {
  return new Encoder(lower, root, refers).encode(value, moves)
}

type Fields = Record<string, unknown>

const COLON = 0x3a
const OPEN_FIELDS = 0x7b
const CLOSE_FIELDS = 0x7d

/** Methods that return a boolean say whether they wrote the value; those that return nothing have. */
class Encoder extends Message {
  encode(value: unknown, moves: boolean): Encoded {
    try {
      this.value(value, 0)
      return this.finish(moves)
    } catch (error) {
      throw failure(error, this.path(this.at), this.root)
    } finally {
      this.text.release()
    }
  }

  /** Writes what stands for `v`. `d`: how many levels of containers are around it. */
  private value(v: unknown, d: number): void {
    switch (typeof v) {
      case "string":
        return this.string(v)
      case "number":
        return this.number(v)
      case "boolean":
        return this.text.plain(v ? "true" : "false")
      case "object":
        return v === null ? this.text.plain("null") : this.object(v, d)
      case "undefined":
        return this.mark(tag.UNDEFINED)
      case "bigint":
        return this.bigint(v)
      case "function":
        if (this.again(v, d) || this.live(v, d)) return
        return this.refuse(v, d)
      default:
        return this.refuse(v, d)
    }
  }

  private object(v: object, d: number): void {
    if (this.again(v, d)) return
    this.at = d
    if (d >= tag.MAX_DEPTH) throw tooDeep(this.path(d))
    if (this.refers?.(v) || isProxyMarked(v)) return this.reach(v, d)
    const proto: unknown = Object.getPrototypeOf(v)
    if (proto === Object.prototype || proto === null) return this.plain(v, d, this.polluted)
    if (proto === Array.prototype && Array.isArray(v)) return this.list(v, d)
    if (proto === Date.prototype) return this.date(v as Date)
    if (proto === Map.prototype) return this.map(v as Map<unknown, unknown>, d)
    if (proto === Set.prototype) return this.set(v as Set<unknown>, d)
    if (!this.builtin(v, d)) this.foreign(v, (proto as object).constructor, d)
  }

  private plain(v: object, d: number, inherits: boolean): void {
    if (isIterable(v) || !this.fields(v as Fields, d, inherits)) this.reach(v, d)
  }

  /**
   * Writes the enumerable fields. False, and nothing is written: it turned out to be marked as a proxy by another copy of Comlink.
   * @param inherits `for...in` may yield keys that are not the object's own
   */
  private fields(v: Fields, d: number, inherits: boolean): boolean {
    const { text } = this
    const { head, at } = text
    const objects = this.identity.size
    const parts = this.parts.length
    let first = true
    this.holders[d] = v
    text.byte(OPEN_FIELDS)
    for (const key in v) {
      if (inherits && !Object.hasOwn(v, key)) continue
      const x = v[key]
      if (typeof x === "function") {
        if (hasForeignMark(v)) {
          text.rewind(head, at)
          this.forget(objects, parts)
          return false
        }
        if (key === "then") {
          const hint = "await it first; a function with this name makes a promise of whatever holds it"
          throw notSerializable(this.path(d), "it has a `then`, like a promise", hint)
        }
      }
      if (first) first = false
      else text.byte(COMMA)
      text.string(key)
      text.byte(COLON)
      if (typeof x === "string") this.string(x)
      else if (typeof x === "number") this.number(x)
      else {
        this.trail[d] = key
        this.value(x, d + 1)
        this.at = d
      }
    }
    text.byte(CLOSE_FIELDS)
    return true
  }

  private list(list: unknown[], d: number): void {
    this.holders[d] = list
    if (list.length > tag.MAX_DENSE && hasHole(list)) return this.sparse(list, d)
    const { text } = this
    let v = list
    if (list.length >= MANY) {
      v = list.slice() // elements may be getters: what is looked through first is read from a copy
      if (areLong([v[0], v[v.length >> 1], v.at(-1)]) && areNumbers(v) && !inheritsToJson())
        return text.json(JSON.stringify(v))
    }
    const { length } = v
    text.byte(OPEN_LIST)
    for (let i = 0; i < length; i++) {
      if (i > 0) text.byte(COMMA)
      const x = v[i]
      if (typeof x === "string") this.string(x)
      else if (typeof x === "number") this.number(x)
      else if (x === undefined) this.mark(i in v ? tag.UNDEFINED : tag.HOLE)
      else {
        this.trail[d] = i
        this.value(x, d + 1)
        this.at = d
      }
    }
    text.byte(CLOSE_LIST)
  }

  private sparse(v: unknown[], d: number): void {
    this.head(tag.SPARSE)
    this.item(v.length, d)
    for (const key of Object.keys(v)) {
      const i = Number(key)
      // Indexes come first; what follows are named properties, which no array takes along.
      if (!Number.isInteger(i) || i >= v.length || String(i) !== key) break
      this.trail[d] = i
      this.item(i, d)
      this.item(v[i], d + 1)
    }
    this.text.byte(CLOSE_LIST)
  }

  private date(v: Date): void {
    const time = Date.prototype.getTime.call(v)
    if (time > 0) this.numbered(tag.DATE, time)
    else this.mark(tag.DATE + time)
  }

  private map(v: Map<unknown, unknown>, d: number): void {
    this.holders[d] = v
    this.head(tag.MAP)
    let at = 0
    for (const [key, x] of v) {
      this.trail[d] = at++
      this.item(key, d + 1)
      this.trail[d] = at++
      this.item(x, d + 1)
    }
    this.text.byte(CLOSE_LIST)
  }

  private set(v: Set<unknown>, d: number): void {
    this.holders[d] = v
    this.head(tag.SET)
    let at = 0
    for (const x of v) {
      this.trail[d] = at++
      this.item(x, d + 1)
    }
    this.text.byte(CLOSE_LIST)
  }

  /** The less frequent types of the language, and those of other realms. Subclasses are not these: they would lose their class. */
  private builtin(v: object, d: number): boolean {
    const binary = takeBinary(v)
    if (binary !== undefined && "kind" in binary) {
      this.mark(`${tag.BINARY}${binary.kind}:${this.parts.push(binary.bytes) - 1}`)
      return true
    }
    if (binary !== undefined) {
      if (typeOf(v) !== undefined) return false
      const hint = "send a copy: value.slice(), taken before it is transferred"
      throw notSerializable(this.path(d), `it is ${binary.refused}`, hint)
    }
    switch (classNameOf(v)) {
      case "Object":
        // Another realm's Object.prototype; an object that merely inherits from a plain one has no such method of its own.
        return Object.hasOwn(Object.getPrototypeOf(v), "isPrototypeOf") && done(this.plain(v, d, true))
      case "Array":
        return Array.isArray(v) && done(this.list(v, d))
      case "Date":
        return types.isDate(v) && done(this.date(v))
      case "Map":
        return types.isMap(v) && done(this.map(v, d))
      case "Set":
        return types.isSet(v) && done(this.set(v, d))
      case "RegExp":
        return types.isRegExp(v) && done(this.tuple(tag.REGEXP, [v.source, v.flags], d))
      case "URL":
        return v instanceof URL && done(this.mark(tag.URL_MARK + v.href))
      case "Number":
      case "String":
      case "Boolean":
      case "BigInt":
        return types.isBoxedPrimitive(v) && done(this.tuple(tag.BOXED, [v.valueOf()], d))
      default:
        return false
    }
  }

  /** Classes that are not the language's: registered, errors, live, or refused. */
  private foreign(v: object, ctor: unknown, d: number): void {
    if (!hasForeignMark(v)) {
      const type = typeOf(v)
      if (type !== undefined) return this.registered(v, type, d)
      if (isError(v)) return this.error(v, nameOfClass(ctor), d)
      const name = nameOfClass(ctor)
      if (name !== undefined) {
        this.head(tag.CLASS)
        this.item(name, d)
        this.text.byte(COMMA)
        if (!this.fields(v as Fields, d, true)) return this.refuse(v, d)
        return this.text.byte(CLOSE_LIST)
      }
    }
    this.reach(v, d)
  }

  private registered(v: object, type: AnyType, d: number): void {
    this.holders[d] = v
    this.trail[d] = undefined
    this.open.push(v)
    this.head(tag.TYPE)
    this.item(type.name, d)
    this.item(type.serialize(v), d + 1)
    this.text.byte(CLOSE_LIST)
    this.open.pop()
  }

  /** Fields of an error that cannot cross are left out and listed, so that an error always arrives. */
  private error(v: object, name: string | undefined, d: number): void {
    const { text, lower } = this
    const fields = readError(v)
    const dropped = takeDropped(fields)
    // No channel is opened for what hangs on an error: nobody would close it.
    this.lower = undefined
    this.holders[d] = v
    this.head(tag.ERROR)
    text.byte(COMMA)
    text.byte(OPEN_FIELDS)
    let first = true
    for (const key of Object.keys(fields)) {
      this.trail[d] = key
      const { head, at } = text
      const objects = this.identity.size
      const parts = this.parts.length
      const open = this.open.length
      try {
        this.field(key, fields[key], first, d)
        first = false
      } catch {
        // Whatever it was, the error that carries the field matters more; the field is named in its list.
        dropped.push(key)
        text.rewind(head, at)
        this.open.length = open
        this.forget(objects, parts)
      }
    }
    this.lower = lower
    if (dropped.length > 0) this.field(DROPPED, dropped, first, d)
    text.byte(CLOSE_FIELDS)
    if (name !== undefined) this.item(name, d)
    text.byte(CLOSE_LIST)
  }

  private field(key: string, v: unknown, first: boolean, d: number): void {
    if (!first) this.text.byte(COMMA)
    this.text.string(key)
    this.text.byte(COLON)
    this.value(v, d + 1)
  }

  /** Writes a value that is reached, not copied, or refuses it. */
  private reach(v: object, d: number): void {
    if (!this.live(v, d)) this.refuse(v, d)
  }

  private item(v: unknown, d: number): void {
    this.text.byte(COMMA)
    this.value(v, d)
  }

  private tuple(marker: string, items: readonly unknown[], d: number): void {
    this.head(marker)
    for (const item of items) this.item(item, d)
    this.text.byte(CLOSE_LIST)
  }
}

/** Of so many numbers and more, with many digits each, the runtime makes JSON faster. */
const MANY = 32

/** True when all are numbers with more than six decimals. */
function areLong(sample: readonly unknown[]): boolean {
  return sample.every(x => typeof x === "number" && Math.round(x * 1e6) / 1e6 !== x)
}

/** True when JSON holds all of them as they are. */
function areNumbers(v: readonly unknown[]): boolean {
  for (let i = 0; i < v.length; i++) {
    const x = v[i]
    if (typeof x !== "number" || x - x !== 0 || (x === 0 && 1 / x < 0)) return false
  }
  return true
}

function done(_: void): true {
  return true
}
