/**
 * What a hostile peer may say: values in the codec's notation, Comlink and stream messages, entries of packets; each nearly
 * right. Makes JSON trees; knows no session. Numbers of channels are those of a peer that keeps count, or are made up.
 */
import type { Dice } from "./dice.ts"

export type Side = "parent" | "runner"

const NUMBERS = [0, 1, 2, 3, 4, 5, -1, 0.5, 1e308, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)]
const KEYS = [
  ..."__proto__ constructor prototype toJSON then valueOf toString name message stack cause errors isError value class".split(
    " ",
  ),
  ..."id type path argumentList target reason live channel droppedFields length code 0 -1 a b".split(" "),
]
export const MARKERS = [
  ..."~ ~~ ~q ~u ~h ~N ~+ ~- ~0 ~d1 ~dNaN ~d ~d1e300 ~n1 ~n ~n-9 ~n0x1 ~lhttp://a/ ~lx ~#0 ~#1 ~#2 ~#9 ~# ~@ ~m ~s ~r ~e ~v ~x ~f ~t".split(
    " ",
  ),
  ..."~c ~bUint8Array:0 ~bFloat64Array:0 ~bBuffer:1 ~bArrayBuffer:0 ~bDataView:0 ~bFunction:0 ~bUint8Array:-1".split(
    " ",
  ),
]
const SOURCES = [
  "a",
  "(",
  "(a+)+$",
  "[",
  "\\p{L}",
  "(?<a>)(?<a>)",
  "\\1",
  "a{99999999999}",
  "(?:".repeat(50),
  "\\u{110000}",
]
const FLAGS = ["", "g", "gi", "u", "v", "uv", "zz", "gg", "y"]
const TYPES = ["APPLY", "GET", "SET", "CONSTRUCT", "ENDPOINT", "RELEASE", "CANCEL", "RAW", "HANDLER", "NONE"]
const HANDLERS = ["throw", "proxy", "custom", "__proto__", "constructor", "none"]
const LIVE = ["function", "proxy", "port", "signal", "stream", "none", "__proto__"]
const PATHS: readonly (readonly string[])[] = [
  [],
  ["add"],
  ["ns", "f"],
  ["fn"],
  ["list", "push"],
  ["list", "push", "x"],
  ["add", "call", "x"],
  ["toString", "call", "call"],
  ["hasOwnProperty", "apply"],
  ["constructor", "constructor"],
  ["add", "constructor"],
  ["__proto__", "x"],
  ["ns", "__proto__", "x"],
  ["data"],
  ["data", "x"],
  ["then"],
  ["Class"],
  ["Class", "prototype", "x"],
  ["__defineGetter__"],
  ["stream"],
  ["echo"],
  ["late"],
]
/** Text that would leave a trace if anybody ran it. */
const CODE = "globalThis.__reached = true"

/** Words that mean something to some reader, for mutations of text. */
export const WORDS: readonly string[] = [
  ...MARKERS.map(m => `"${m}"`),
  ...KEYS.map(k => `"${k}":`),
  ...NUMBERS.map(String),
  ...'[ ] { } , : " null true [[ ]] [~ A ?'.split(" "),
]

export class Grammar {
  /** The peer's next channel number. */
  #next: number

  /**
   * @param dice
   * @param speaker Whose words these are.
   */
  constructor(
    readonly dice: Dice,
    readonly speaker: Side,
  ) {
    this.#next = speaker === "parent" ? 2 : 3
  }

  number(): number {
    return this.dice.chance(0.7) ? this.dice.below(6) : this.dice.pick(NUMBERS)
  }

  fresh(): number {
    if (this.dice.chance(0.1)) return this.number()
    const id = this.#next
    this.#next += 2
    return id
  }

  /** A channel that may well be open: the fixed ones, the victim's first, the speaker's first. */
  channel(): number {
    const { dice } = this
    return dice.chance(0.95) ? dice.pick([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 10, 12, 14]) : this.number()
  }

  key(): string {
    return this.dice.pick(KEYS)
  }

  /** A live reference as it stands in a message. */
  live(kind = this.dice.pick(LIVE)): unknown {
    const ref: Record<string, unknown> = { live: kind, channel: this.fresh() }
    if (this.dice.chance(0.2))
      ref.reason = this.dice.pick(['{"isError":false,"value":1}', "~", "{", '"~u"', "[".repeat(99)])
    if (this.dice.chance(0.05)) ref[this.key()] = this.value(3)
    return ["~f", ref]
  }

  /** Any value in the codec's notation, or nearly. */
  value(depth = 0): unknown {
    const { dice } = this
    if (depth > 4 || dice.chance(0.35)) return this.#leaf()
    const inner = () => this.value(depth + 1)
    switch (dice.below(16)) {
      case 0:
      case 1:
        return this.list(0, 4, inner)
      case 2:
      case 3:
      case 4:
        return this.fields(inner)
      case 5:
        return ["~m", ...this.list(0, 5, inner)]
      case 6:
        return ["~s", ...this.list(0, 4, inner)]
      case 7:
        return ["~r", dice.pick(SOURCES), dice.pick(FLAGS)]
      case 8:
        return [
          "~e",
          { name: "TypeError", message: "m", stack: "s", ...(this.fields(inner) as object) },
          ...this.list(0, 1, inner),
        ]
      case 9:
        return this.sparse(inner)
      case 10:
        return ["~x", inner()]
      case 11:
        return [dice.pick(["~t", "~c"]), dice.pick(["Point", "Money", "Wrong", "constructor", "__proto__"]), inner()]
      case 12:
      case 13:
        return this.live()
      case 14:
        return {
          isError: dice.pick([true, false, 1]),
          value: inner(),
          ...(dice.chance(0.2) ? { class: this.key() } : {}),
        }
      default:
        return this.deep()
    }
  }

  /** An array that says it is long: who walks it by its length does so for minutes. */
  sparse(inner: () => unknown = () => 1): unknown {
    const { dice } = this
    const length = dice.pick([0, 3, 70_000, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32])
    return [
      "~v",
      length,
      ...(dice.chance(0.5) ? [dice.below(4), inner()] : []),
      ...(dice.chance(0.2) ? [length - 1, 1] : []),
    ]
  }

  deep(): unknown {
    const levels = this.dice.pick([10, 600, 999, 1_001, 3_000])
    let tree: unknown = 1
    const as = this.dice.below(3)
    for (let i = 0; i < levels; i++) tree = as === 0 ? [tree] : as === 1 ? { a: tree } : ["~s", tree]
    return tree
  }

  list(least: number, most: number, item: () => unknown): unknown[] {
    return Array.from({ length: least + this.dice.below(most - least + 1) }, item)
  }

  fields(item: () => unknown): unknown {
    // By way of text: `__proto__` becomes a key like any other, as it does on the wire.
    return JSON.parse(`{${this.list(0, 3, () => `${JSON.stringify(this.key())}:${JSON.stringify(item())}`).join(",")}}`)
  }

  wire(value: () => unknown = () => this.value(1)): Record<string, unknown> {
    const { dice } = this
    if (dice.chance(0.5)) return { type: "RAW", value: value() }
    const name = dice.pick(HANDLERS)
    if (name === "throw" && dice.chance(0.7)) return { type: "HANDLER", name, value: this.thrown() }
    if (name === "proxy" && dice.chance(0.7)) return { type: "HANDLER", name, value: this.live("port") }
    return { type: "HANDLER", name, value: value() }
  }

  thrown(): unknown {
    const { dice } = this
    const value = dice.pick<() => unknown>([
      () => this.live("proxy"),
      () => ({ name: "E", message: this.value(3), stack: this.value(3) }),
      () => ({ name: "TypeError", message: "m", stack: "s", [this.key()]: this.value(2) }),
      () => this.value(2),
    ])()
    return dice.chance(0.1) ? this.live("proxy") : { isError: dice.chance(0.8), value }
  }

  path(): unknown {
    const { dice } = this
    if (dice.chance(0.75)) return dice.pick(PATHS)
    if (dice.chance(0.3)) return this.live("proxy")
    if (dice.chance(0.3)) return this.sparse(() => "a")
    return dice.chance(0.5) ? this.list(0, 4, () => this.key()) : this.value(2)
  }

  id(): unknown {
    return this.dice.chance(0.9) ? this.dice.below(8) : this.dice.chance(0.5) ? this.key() : this.value(3)
  }

  /** A Comlink request, as the root, the raw channel, proxies and callbacks get them. */
  request(): unknown {
    const { dice } = this
    const message: Record<string, unknown> = { id: this.id(), type: dice.pick(TYPES) }
    const argument = () => (dice.chance(0.2) ? { type: "RAW", value: CODE } : this.wire())
    if (dice.chance(0.9)) message.path = this.path()
    if (dice.chance(0.8)) message.argumentList = dice.chance(0.9) ? this.list(0, 3, argument) : this.sparse(argument)
    if (dice.chance(0.4)) message.value = this.wire()
    if (dice.chance(0.3)) message.target = this.id()
    if (dice.chance(0.3)) message.reason = this.value(1)
    if (dice.chance(0.05)) message[this.key()] = this.value(2)
    return message
  }

  /** An answer to what the victim has asked. */
  reply(id: unknown = this.id()): unknown {
    const message = { id, ...this.wire() }
    if (this.dice.chance(0.1)) return { ...message, path: this.path() }
    return message
  }

  /** What either end of a stream says. */
  stream(): unknown {
    const { dice } = this
    const value = () => this.value(2)
    const count = () => this.number()
    const message = dice.pick<() => unknown[]>([
      () => ["pull", count(), count()],
      () => ["next", count(), value()],
      () => ["return", count(), value()],
      () => ["throw", count(), dice.chance(0.7) ? this.thrown() : value()],
      () => ["leave"],
      () => ["items", dice.chance(0.8) ? this.list(0, 3, value) : this.sparse(value)],
      () => ["end", value()],
      () => ["error", this.thrown()],
      () => ["answer", dice.pick<unknown>([true, false, 1]), value()],
      () => ["threw", this.thrown()],
    ])()
    if (dice.chance(0.05)) message.push(value())
    if (dice.chance(0.05)) message.pop()
    return message
  }

  /** A message for any channel. */
  message(): unknown {
    const { dice } = this
    const kind = dice.below(10)
    if (kind < 3) return this.request()
    if (kind < 5) return this.reply()
    if (kind < 8) return this.stream()
    return kind === 8 ? this.thrown() : this.value()
  }

  /** [kind, channel, payload] of a text packet. */
  entry(): unknown[] {
    const { dice } = this
    const kind = dice.pick([0, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 4, ...(dice.chance(0.05) ? [5, -1, "1", null] : [])])
    if (kind === 2) return [kind, this.channel(), 0]
    if (kind === 3) return [kind, this.channel(), this.bulkHead()]
    if (kind === 4) return [kind, this.channel(), this.number()]
    const message = this.message()
    const payload = kind === 1 && dice.chance(0.1) ? ["~@", message] : message
    return [kind, dice.chance(0.97) ? this.channel() : this.value(3), payload]
  }

  bulkHead(): unknown {
    const { dice } = this
    const lengths = this.list(1, 3, () => (dice.chance(0.9) ? dice.below(60) : this.number()))
    if (dice.chance(0.03)) lengths.push(...Array.from({ length: 2_000 }, () => 0))
    const head: unknown[] = [1 + dice.below(4), dice.below(2), lengths, this.list(0, 2, () => this.fresh())]
    if (dice.chance(0.1)) head[dice.below(4)] = this.value(3)
    return head
  }

  #leaf(): unknown {
    const { dice } = this
    switch (dice.below(6)) {
      case 0:
      case 1:
        return dice.pick(MARKERS)
      case 2:
        return this.number()
      case 3:
        return dice.pick(KEYS)
      case 4:
        return dice.pick([null, true, false, "", "\ud800", CODE])
      default:
        return this.live()
    }
  }
}
