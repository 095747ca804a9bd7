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
/** What an honest peer may write as well. */
const GOOD_MARKERS = "~~ ~u ~N ~+ ~- ~0 ~d1 ~dNaN ~n1 ~n-9 ~lhttp://a/ ~~x".split(" ")
const GOOD_SOURCES = ["a", "(a+)+$", "\\p{L}", "[^a]"]
const FLAGS = ["", "g", "gi", "u", "v", "uv", "zz", "gg", "y"]
const TYPES = ["APPLY", "GET", "SET", "CONSTRUCT", "ENDPOINT", "RELEASE", "CANCEL", "RAW", "HANDLER", "NONE"]
const HANDLERS = ["throw", "proxy", "custom", "__proto__", "constructor", "none"]
const GOOD_LIVE = ["function", "proxy", "port", "signal", "stream", "stream", "object"]
const MARKS = ["place", "track", "unlinked"]
const LIVE = [...GOOD_LIVE, "none", "__proto__"]
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
  ["object"],
  ["echo"],
  ["late"],
]
/** What is on the victim's own channels when it begins: see victim.ts. */
const OPEN: Readonly<Record<Side, readonly (readonly [channel: number, kind: string])[]>> = {
  parent: [
    [0, "answers"],
    [1, "answers"],
    [2, "rpc"],
    [4, "source"],
    [6, "none"],
    [8, "calls"],
    [10, "port"],
    [12, "calls"],
  ],
  runner: [
    [0, "rpc"],
    [0, "rpc"],
    [1, "calls"],
  ],
}
/** What is said on a channel that the speaker made, by what it said it was. */
const SAID: Readonly<Record<string, string>> = {
  function: "answers",
  proxy: "answers",
  object: "answers",
  signal: "thrown",
  stream: "sink",
  port: "port",
}

/** Whether an RpcServer is given argument lists that only say that they are long. It has to refuse them first. */
const SPARSE_RPC_ARGUMENTS = true

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
  /** Channels that are open, as far as the speaker knows, and what is said on them. */
  readonly #open: [channel: number, kind: string][]
  /** How much of it is wrong in form: what always is gets no further than the first check. */
  readonly #wild: number

  /**
   * @param dice
   * @param speaker Whose words these are.
   */
  constructor(
    readonly dice: Dice,
    speaker: Side,
  ) {
    this.#next = speaker === "parent" ? 2 : 3
    this.#open = OPEN[speaker === "parent" ? "runner" : "parent"].map(([channel, kind]) => [channel, kind])
    this.#wild = dice.pick([0, 0, 0.01, 0.05, 0.5])
  }

  /** Whether to say something that is wrong in form. */
  odd(): boolean {
    return this.dice.chance(this.#wild)
  }

  number(): number {
    return this.dice.chance(0.95) ? this.dice.below(6) : this.dice.pick(NUMBERS)
  }

  /** A channel that may well be open. */
  channel(): number {
    return this.odd() ? this.number() : this.dice.pick(this.#open)[0]
  }

  key(): string {
    return this.dice.pick(KEYS)
  }

  /** A live reference as it stands in a message. */
  live(wanted?: string): unknown {
    const { dice } = this
    const kind = wanted ?? dice.pick(this.odd() ? LIVE : GOOD_LIVE)
    const channel = this.odd() ? this.number() : this.#next
    if (channel === this.#next) this.#next += 2
    this.#open.push([channel, SAID[kind] ?? "none"])
    const ref: Record<string, unknown> = { live: kind, channel }
    if (kind === "signal" && dice.chance(0.3)) ref.reason = '{"isError":false,"value":1}'
    if (kind === "object") Object.assign(ref, { ends: dice.chance(0.5), kept: dice.chance(0.5) })
    if (this.odd()) ref.reason = dice.pick(["~", "{", '"~u"', "[".repeat(99)])
    if (this.odd()) ref[this.key()] = this.value(3)
    return ["~f", ref]
  }

  /** Any value in the codec's notation, or nearly. */
  value(depth = 0): unknown {
    const { dice } = this
    if (depth > 3 || dice.chance(0.4)) return this.#leaf()
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
        return this.odd() ? ["~m", ...this.list(0, 5, inner)] : ["~m", inner(), inner()]
      case 6:
        return ["~s", ...this.list(0, 4, inner)]
      case 7:
        return this.odd() ? ["~r", dice.pick(SOURCES), dice.pick(FLAGS)] : ["~r", dice.pick(GOOD_SOURCES), "u"]
      case 8:
        return this.#error(inner)
      case 9:
        return this.sparse(inner)
      case 10:
        return ["~x", this.odd() ? inner() : 1]
      case 11:
        if (!this.odd()) return dice.chance(0.5) ? ["~t", "Money", 1] : ["~c", "Point", this.fields(inner)]
        return [dice.pick(["~t", "~c"]), dice.pick(["Point", "Money", "Wrong", "constructor", "__proto__"]), inner()]
      case 12:
      case 13:
        return this.live()
      case 14:
        return this.thrown()
      default:
        return this.dice.chance(0.1) ? this.deep() : this.#leaf()
    }
  }

  /** An array that says it is long: who walks it by its length does so for minutes. */
  sparse(inner: () => unknown = () => 1): unknown {
    const { dice } = this
    const length = dice.pick(this.odd() ? [0, 2 ** 32, -1, 1.5] : [3, 70_000, 2 ** 32 - 1, 2 ** 32 - 1])
    return [
      "~v",
      length,
      ...(dice.chance(0.5) ? [dice.below(2), inner()] : []),
      ...(dice.chance(0.2) ? [length - 1, 1] : []),
    ]
  }

  deep(): unknown {
    const levels = this.dice.pick(this.odd() ? [1_001, 3_000] : [10, 300, 900])
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
    if (dice.chance(0.6)) return { type: "RAW", value: value() }
    const name = dice.pick(this.odd() ? HANDLERS : ["throw", "proxy"])
    if (name === "throw") return { type: "HANDLER", name, value: this.thrown() }
    if (name === "proxy" && !this.odd()) return { type: "HANDLER", name, value: this.live("port") }
    return { type: "HANDLER", name, value: value() }
  }

  /** What Comlink's handler for errors gets; now and then with a remote object where a text should be. */
  thrown(): unknown {
    const { dice } = this
    if (dice.chance(0.05)) return { isError: true, value: this.live("proxy") }
    if (dice.chance(0.05)) return this.live("proxy")
    if (this.odd()) return { isError: dice.pick([true, false, 1]), value: this.value(2) }
    if (dice.chance(0.3)) return { isError: false, value: this.value(2) }
    const error = { name: dice.pick(["E", "TypeError"]), message: "m", stack: "s" }
    const own = { [this.key()]: this.value(2) }
    return { isError: true, value: dice.chance(0.8) ? { ...own, ...error } : { ...error, ...own } }
  }

  path(): unknown {
    const { dice } = this
    if (dice.chance(0.85)) return dice.pick(PATHS)
    if (dice.chance(0.3)) return dice.chance(0.5) ? this.live("proxy") : [this.live("proxy")]
    if (dice.chance(0.3)) return this.sparse(() => "a")
    return dice.chance(0.5) ? this.list(0, 4, () => this.key()) : this.value(2)
  }

  id(): unknown {
    return this.odd() ? this.value(3) : this.dice.below(8)
  }

  /** A Comlink request, as the root, the raw channel, proxies and callbacks get them. */
  request(sparse = SPARSE_RPC_ARGUMENTS): unknown {
    const { dice } = this
    const message: Record<string, unknown> = { id: this.dice.below(1_000), type: dice.pick(TYPES) }
    const argument = () => (dice.chance(0.2) ? { type: "RAW", value: CODE } : this.wire())
    if (dice.chance(0.95)) message.path = this.path()
    if (dice.chance(0.9))
      message.argumentList = !sparse || dice.chance(0.9) ? this.list(0, 3, argument) : this.sparse(argument)
    if (message.type === "SET") message.value = this.wire()
    if (message.type === "RAW" || message.type === "HANDLER") delete message.argumentList
    if (message.type === "CANCEL") Object.assign(message, { target: this.dice.below(1_000), reason: this.value(1) })
    for (const mark of MARKS) if (dice.chance(0.1)) message[mark] = this.odd() ? this.value(2) : true
    if (this.odd()) message.id = this.id()
    if (this.odd()) message[this.key()] = this.value(2)
    return message
  }

  /** An answer to what the victim has asked. */
  reply(id: unknown = this.id()): unknown {
    const message = { id, ...this.wire() }
    if (this.odd()) return { ...message, path: this.path() }
    return message
  }

  /** What the consumer of a stream says. */
  toSource(): unknown {
    const { dice } = this
    return this.#broken(
      dice.pick<() => unknown[]>([
        () => ["pull", 0, this.#count()],
        () => ["pull", 0, dice.below(30)],
        () => ["next", dice.chance(0.9) ? 0 : this.number(), this.value(2)],
        () => ["return", this.#count(), this.value(2)],
        () => ["throw", this.number(), this.thrown()],
        () => ["leave"],
      ])(),
    )
  }

  /** What the producer of a stream says. */
  toSink(): unknown {
    const { dice } = this
    const value = () => this.value(2)
    return this.#broken(
      dice.pick<() => unknown[]>([
        () => ["items", [value()]],
        () => ["items", this.list(0, 3, value)],
        () => ["items", dice.chance(0.2) ? this.sparse(value) : [value()]],
        () => ["end", value()],
        () => ["error", this.thrown()],
        () => ["answer", dice.chance(0.5), value()],
        () => ["threw", this.thrown()],
      ])(),
    )
  }

  /** A message of any kind. */
  message(): unknown {
    return this.#say(this.dice.pick(["calls", "answers", "source", "sink", "thrown", "any"]))
  }

  /** [kind, channel, payload] of a text packet. */
  entry(): unknown[] {
    const { dice } = this
    if (this.odd()) return [dice.pick([5, -1, "1", null, 2, 3, 4]), this.channel(), this.value(1)]
    const kind = dice.pick([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3])
    if (kind === 3) return [kind, this.channel(), this.bulkHead()]
    const [channel, said] = dice.pick(this.#open)
    if (kind === 2) return [kind, channel > 1 || this.odd() ? channel : 2, 0]
    const message = this.#say(said)
    return [kind, this.odd() ? this.value(3) : channel, kind === 1 && dice.chance(0.1) ? ["~@", message] : message]
  }

  bulkHead(): unknown {
    const { dice } = this
    const lengths = this.list(1, 3, () => (this.odd() ? this.number() : dice.below(60)))
    if (this.odd()) lengths.push(...Array.from({ length: 2_000 }, () => 0))
    const head: unknown[] = [1 + dice.below(4), dice.below(2), lengths, this.odd() ? [this.number()] : []]
    if (this.odd()) head[dice.below(4)] = this.value(3)
    return head
  }

  #say(kind: string): unknown {
    if (this.dice.chance(0.02)) return this.value()
    switch (kind) {
      case "calls":
        return this.request(true)
      case "rpc":
        return this.request()
      case "answers":
        return this.reply(1 + this.dice.below(5))
      case "source":
        return this.toSource()
      case "sink":
        return this.toSink()
      case "thrown":
        return this.thrown()
      default:
        return this.dice.chance(0.5) ? this.request() : this.value()
    }
  }

  #count(): number {
    return this.dice.chance(0.3) ? 2 ** 53 - 1 : this.number()
  }

  #broken(message: unknown[]): unknown[] {
    if (this.odd()) message.push(this.value(2))
    if (this.odd()) message.pop()
    return message
  }

  #error(inner: () => unknown): unknown {
    const texts = { name: "TypeError", message: "m", stack: "s" }
    const own = this.fields(inner) as object
    return ["~e", this.odd() ? { ...texts, ...own } : { ...own, ...texts }, ...(this.odd() ? [inner()] : [])]
  }

  #leaf(): unknown {
    const { dice } = this
    switch (dice.below(6)) {
      case 0:
      case 1:
        return dice.pick(this.odd() ? MARKERS : GOOD_MARKERS)
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
