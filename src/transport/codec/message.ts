/**
 * A message on its way to be encoded: what is written so far, which objects were met, where the walk is. Owns that state and
 * what is the same for every kind of value; the kinds are the encoder's.
 */
import { Identity } from "./identity.ts"
import { leaveParts, moveParts } from "./parts.ts"
import { formatPath } from "./path.ts"
import { inheritsToJson, shield } from "./probes.ts"
import { notSerializable, refusal } from "./refusal.ts"
import * as tag from "./tags.ts"
import { type JsonText, openText } from "./text.ts"
import type { Encoded, Lower, Refers } from "./types.ts"

export const COMMA = 0x2c
export const OPEN_LIST = 0x5b
export const CLOSE_LIST = 0x5d

/** Methods that return a boolean say whether they wrote the value; those that return nothing have. */
export abstract class Message {
  protected rich = false
  protected readonly text: JsonText = openText()
  protected readonly parts: Uint8Array[] = []
  protected readonly identity = new Identity()
  /** Values whose registered type is serialising them at the moment. */
  protected readonly open: object[] = []
  protected readonly holders: unknown[] = []
  protected readonly trail: unknown[] = []
  protected at = 0
  protected readonly polluted = tag.prototypeIsPolluted()

  constructor(
    protected lower: Lower | undefined,
    protected readonly root: string,
    protected readonly refers: Refers | undefined,
  ) {}

  /** The message, when its value is written. @param moves take what `transfer()` marked */
  protected finish(moves: boolean): Encoded {
    const body = this.text.toString()
    const json = this.identity.shared ? `["${tag.ROOT}",${body}]` : body
    const parts = moves ? moveParts(this.parts, json.length) : leaveParts(this.parts)
    return { json, rich: this.rich, parts }
  }

  protected string(v: string): void {
    if (v.charCodeAt(0) !== tag.MARK) return this.text.string(v)
    this.rich = true
    this.text.string(`~${v}`)
  }

  protected number(v: number): void {
    if (v - v === 0 && (v !== 0 || 1 / v > 0)) return this.text.number(v)
    this.mark(v === 0 ? tag.MINUS_ZERO : v > 0 ? tag.INFINITY : v < 0 ? tag.MINUS_INFINITY : tag.NAN)
  }

  protected live(v: object, d: number): boolean {
    const ref = this.lower?.(v, () => this.path(d))
    if (ref === undefined) return false
    this.head(tag.LIVE)
    this.text.byte(COMMA)
    if (inheritsToJson()) shield(ref)
    this.text.json(JSON.stringify(ref))
    this.text.byte(CLOSE_LIST)
    return true
  }

  /** Writes the reference to an object met before. False, and it has the next number, when it is new. */
  protected again(v: object, d: number): boolean {
    const id = this.identity.meet(v)
    if (id === undefined) return false
    if (this.open.includes(v)) {
      const hint = "let serialize() return data without a way back to the value"
      throw notSerializable(this.path(d), "what its registered type serialises refers to itself", hint)
    }
    this.mark(tag.REF + id)
    return true
  }

  /** Takes back the numbers and parts given since there were that many. */
  protected forget(objects: number, parts: number): void {
    this.parts.length = parts
    this.identity.forget(objects)
  }

  /** Begins a container: its items and a bracket follow. */
  protected head(marker: string): void {
    this.text.byte(OPEN_LIST)
    this.mark(marker)
  }

  protected bigint(v: bigint): void {
    // Exact where it is a safe integer, and quicker than the digits of a bigint.
    const value = Number(v)
    if (value > 0 && value <= Number.MAX_SAFE_INTEGER) this.numbered(tag.BIGINT, value)
    else this.mark(tag.BIGINT + v)
  }

  protected numbered(marker: string, value: number): void {
    this.rich = true
    this.text.numbered(marker, value)
  }

  protected mark(marker: string): void {
    this.rich = true
    this.text.string(marker)
  }

  protected refuse(v: unknown, d: number): never {
    throw refusal(v, this.path(d))
  }

  protected path(d: number): string {
    return formatPath(this.root, this.holders, this.trail, d)
  }
}
