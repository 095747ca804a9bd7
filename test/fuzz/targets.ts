/**
 * What is fuzzed: each target makes an input from dice, gives it to the code under test, and says how that ended. An error
 * that is none of ours is thrown on: the campaign counts it as a failure.
 */
import { type FlameError, isFlameError, ProtocolError } from "../../src/shared/errors.ts"
import { readChallenge, readProof, readProven } from "../../src/transport/challenge.ts"
import { decode, encode } from "../../src/transport/codec/index.ts"
import { requestProblem, wireProblem } from "../../src/transport/comlink-guard.ts"
import { Connection } from "../../src/transport/connection.ts"
import { unpackError } from "../../src/transport/failure.ts"
import { encodeFrame } from "../../src/transport/frame.ts"
import { Inbox } from "../../src/transport/inbox.ts"
import { itemSize } from "../../src/transport/item-size.ts"
import { pieceHeader } from "../../src/transport/packet.ts"
import { PROTOCOL_VERSION, parseControl } from "../../src/transport/protocol.ts"
import { lowerError, raiseError } from "../../src/transport/remote-error.ts"
import { type Encoded, encodedValues, record } from "./corpus.ts"
import type { Dice } from "./dice.ts"
import { Grammar, type Side, WORDS } from "./grammar.ts"
import { FakeSocket, Victim } from "./victim.ts"

export interface Run {
  /** What became of it, for the table. */
  readonly outcome: string
  /** Bytes the peer sent. */
  readonly bytes: number
}

export type Target = (dice: Dice, tick: () => Promise<void>) => Run | Promise<Run>
export type TargetName = "frame" | "codec" | "handshake" | "session"

/** The outcome of `work`; anything but a value and an error of ours is thrown on. */
function outcomeOf(work: () => void): string {
  try {
    work()
    return "handled"
  } catch (error) {
    return nameOf(error)
  }
}

function nameOf(error: unknown): string {
  if (!isFlameError(error)) throw error
  const { cause } = error as FlameError
  if (/could not be handled/.test(error.message)) throw cause
  return error.constructor.name
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

export async function makeTargets(): Promise<Readonly<Record<TargetName, Target>>> {
  const recorded = await record()
  const known = encodedValues()
  const packets = [...recorded.parent, ...recorded.runner]
  return {
    frame: dice => fuzzFrame(dice, packets),
    codec: dice => fuzzCodec(dice, known),
    handshake: fuzzHandshake,
    session: (dice, tick) => fuzzSession(dice, recorded, tick),
  }
}

/** Packets into an inbox: batches, frames, pieces. */
function fuzzFrame(dice: Dice, packets: readonly (string | Buffer)[]): Run {
  const inbox = new Inbox({ message() {}, close() {}, announce() {}, withdraw() {} })
  const grammar = new Grammar(dice, "runner")
  let bytes = 0
  const outcome = outcomeOf(() => {
    for (let i = 1 + dice.below(4); i > 0; i--) {
      const packet = hostilePacket(dice, grammar, packets)
      bytes += packet.length
      if (typeof packet === "string") inbox.text(packet)
      else
        inbox.binary(packet.length > 40 && dice.chance(0.5) ? [packet.subarray(0, 20), packet.subarray(20)] : [packet])
    }
  })
  inbox.end()
  return { outcome, bytes }
}

function hostilePacket(
  dice: Dice,
  grammar: Grammar,
  packets: readonly (string | Buffer)[],
  often = false,
): string | Buffer {
  switch (dice.below(often ? 24 : 8)) {
    case 0: {
      const packet = dice.pick(packets)
      return typeof packet === "string" ? dice.mutateText(packet, WORDS) : dice.mutate(packet.subarray(0, 2_000))
    }
    case 1: {
      const json = JSON.stringify(grammar.message())
      const parts = Array.from({ length: dice.below(3) }, () => dice.bytes(dice.below(20)))
      const frame = encodeFrame(Math.abs(grammar.channel()) >>> 0, json, dice.chance(0.8), parts)
      return dice.chance(0.5) ? dice.mutate(frame) : frame
    }
    case 2:
      return Buffer.concat([pieceHeader(1 + dice.below(4)), dice.bytes(dice.below(80))])
    case 3: {
      // A message in pieces, and its pieces in one: what the JSON in them says is read as well.
      const batch = JSON.stringify(grammar.list(1, 3, () => grammar.entry()).flat())
      return dice.mutateText(batch, WORDS)
    }
    case 4:
      if (dice.chance(0.3)) return dice.bytes(dice.below(200))
      return dice.pick([
        "A0",
        "A1",
        "A-1",
        "A99",
        "A",
        "Ax",
        "A1e3",
        "?",
        "??",
        "",
        "[",
        "[]",
        "{}",
        "[1]",
        "[3,0,[1,0,[0],[]]]",
      ])
    default:
      return JSON.stringify(grammar.list(1, 3, () => grammar.entry()).flat())
  }
}

/** Values: decoded, looked at as messages, estimated, taken apart as errors, and encoded again. */
function fuzzCodec(dice: Dice, known: readonly Encoded[]): Run {
  const grammar = new Grammar(dice, "runner")
  const parts = Array.from({ length: dice.pick([0, 0, 1, 2]) }, () => exact(dice.bytes(dice.pick([0, 8, 8, 16, 3]))))
  let json: string
  let used = parts
  if (dice.chance(0.4)) {
    const one = dice.pick(known)
    json = dice.mutateText(one.json, WORDS)
    used = one.parts.map(exact)
  } else {
    const tree = dice.chance(0.6) ? grammar.value() : grammar.message()
    json = JSON.stringify(dice.chance(0.5) ? ["~@", tree] : tree)
    if (dice.chance(0.2)) json = dice.mutateText(json, WORDS)
  }
  const live = (ref: unknown) => (dice.chance(0.5) ? () => ref : { ref })
  const outcome = outcomeOf(() => {
    const value = decode(json, dice.chance(0.95), used, live as never)
    itemSize(value)
    wireProblem(value)
    if (typeof value === "object" && value !== null) requestProblem(value)
    encode(lowerError(value))
    try {
      encode(lowerError(raiseError(value)))
      encode(value, () => 1)
    } catch (error) {
      nameOf(error)
    }
  })
  return { outcome, bytes: json.length + used.reduce((sum, p) => sum + p.byteLength, 0) }
}

/** Control messages, before and after the hello, and the challenge of a line without TLS. */
function fuzzHandshake(dice: Dice): Run {
  const grammar = new Grammar(dice, "runner")
  const kinds =
    "hello welcome ask answer draining worker-exit fail log bye drain deadline listen relink reset resumed ready challenge proof proven __proto__"
  const fields =
    "v runnerId jobId node pid resume generation line heartbeatMs silenceMs orphanGraceMs unlinkedGraceMs reconnectMs module source"
  const more =
    "maxConcurrency poolName reason leftMs code signal stderr restart error cut graceMs runs signalled clock received exports nonce mac identity stream lines log"
  const text = () => dice.pick(["", "x", "__proto__", "\ud800", "x".repeat(3_000), "AAAA".repeat(11)])
  const good = () =>
    dice.pick<() => unknown>([
      () => grammar.number(),
      text,
      () => dice.chance(0.5),
      () => grammar.value(3),
      () => null,
    ])()
  const message: Record<string, unknown> = { t: dice.chance(0.95) ? dice.pick(kinds.split(" ")) : good() }
  for (const field of `${fields} ${more}`.split(" ")) if (dice.chance(0.8)) message[field] = good()
  if (dice.chance(0.5))
    Object.assign(message, { v: PROTOCOL_VERSION, runnerId: "r", jobId: "1", node: "n", pid: 1, generation: 0 })
  if (dice.chance(0.3)) message.error = { json: JSON.stringify(grammar.thrown()), rich: dice.chance(0.9) }
  if (dice.chance(0.3)) message.resume = { line: text(), received: grammar.number() }
  let json = JSON.stringify(message)
  if (dice.chance(0.3)) json = dice.mutateText(json, WORDS)
  const data = Buffer.from(dice.chance(0.02) ? dice.bytes(300) : json)
  const socket = dice.pick(["control", "data"] as const)
  const read = dice.pick([readChallenge, readProof, readProven])
  const binary = dice.chance(0.1)
  const challenge = outcomeOf(() => read(data, binary))
  let closed: unknown
  const ws = new FakeSocket()
  const connection: Connection = new Connection(ws as never, dice.chance(0.5), {
    text(words) {
      const control = parseControl(words, socket)
      if (control.t === "fail") unpackError(control.error)
    },
    binary() {
      throw new ProtocolError("a binary message before the hello")
    },
    closed: reason => {
      closed = reason
    },
  })
  ws.say(binary ? data : data.toString())
  const outcome = closed === undefined ? "handled" : nameOf(closed)
  connection.abort(new ProtocolError("the input is over"))
  return { outcome: challenge === "handled" ? `challenge, ${outcome}` : outcome, bytes: data.length }
}

/** A hostile end of a whole session: it speaks, listens to what is asked of it, and answers that too. */
async function fuzzSession(
  dice: Dice,
  recorded: Readonly<Record<Side, readonly (string | Buffer)[]>>,
  tick: () => Promise<void>,
): Promise<Run> {
  const side = dice.pick<Side>(["parent", "parent", "runner"])
  const attacker = side === "parent" ? "runner" : "parent"
  const victim = new Victim(side)
  const grammar = new Grammar(dice, attacker)
  let bytes = 0
  const say = (packet: string | Buffer): void => {
    bytes += packet.length
    victim.ws.say(packet)
  }
  let heard = 0
  for (let round = 1 + dice.below(3); round > 0 && !victim.over; round--) {
    for (let i = 1 + dice.below(3); i > 0; i--) say(hostilePacket(dice, grammar, recorded[attacker], true))
    await tick()
    const asked = requestsIn(victim.ws.sent.slice(heard))
    heard = victim.ws.sent.length
    if (asked.length === 0) continue
    const answers = asked.filter(() => dice.chance(0.7)).map(([channel, id]) => [1, channel, grammar.reply(id)])
    say(JSON.stringify(answers.flat()))
    await tick()
  }
  const outcome = victim.over === undefined ? "handled" : nameOf(victim.over)
  victim.end(new ProtocolError("the input is over"))
  await tick()
  return { outcome: `${side}: ${outcome}`, bytes }
}

/** What the victim asks: [channel, id]. */
function requestsIn(sent: readonly (string | Uint8Array)[]): [channel: number, id: unknown][] {
  const asked: [number, unknown][] = []
  for (const packet of sent) {
    if (typeof packet !== "string" || !packet.startsWith("[")) continue
    const list = JSON.parse(packet) as unknown[]
    for (let i = 0; i < list.length; i += 3) {
      const message = list[i + 2] as { id?: unknown; type?: unknown } | null
      if (message?.id !== undefined && message.type !== "RAW" && message.type !== "HANDLER") {
        asked.push([list[i + 1] as number, message.id])
      }
    }
  }
  return asked
}
