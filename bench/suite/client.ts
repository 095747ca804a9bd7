/**
 * What a subject offers to be measured, whoever it is. `bench/peers/NAME.mjs` and ours implement it; each is opened in a process of its
 * own, and its server runs in another, on this machine or on the runner's node. Owns the contract alone.
 */

/** What `bench/peers/NAME.mjs` exports. Local ones (threads of the client's process) have no `serve`. */
export interface Peer {
  readonly about: PeerAbout
  /**
   * Asked before anything else, where it is to be opened: the client's machine, and the server's for `serve`.
   * @returns why it cannot be had there, in words for people; undefined when it can
   */
  missing?(): Promise<string | undefined>
  /**
   * In the server's process. Listens on `host`, on a port that is free.
   * @returns what `connect` in another process needs, as JSON. It may hold a secret: never put it on a command line
   */
  serve?(options: { host: string }): Promise<{ where: unknown; close(): Promise<void> }>
  /** In the client's process. @param where what `serve` gave; undefined for a local one */
  connect(where: unknown): Promise<Client>
}

export interface PeerAbout {
  /** As in the tables: "raw TCP", "capnweb". */
  readonly name: string
  /** `wire`: two processes and a connection. `local`: threads of one process, which can never leave the machine. */
  readonly kind: "wire" | "local"
  /** The packages of bench/peers/package.json, or the command, without which it is skipped with a word. */
  readonly needs?: readonly string[]
  /** The longest `echo`, `sink` and `source` that make sense: what is longer ends its connection, or one call takes seconds. */
  readonly maxBytes?: number
  /** What it is and how it is used here, in a line. */
  readonly how: string
}

/** Whatever it has not (rows where only bytes go, say), it leaves out. */
export interface Client {
  /** A small call: two numbers there, their sum back. */
  add(a: number, b: number): Promise<number>
  /** Bytes there and back. The answer is as long; ends when all of it is here. */
  echo?(bytes: Uint8Array): Promise<Uint8Array>
  /** Bytes there, their number back. */
  sink?(bytes: Uint8Array): Promise<number>
  /** That many bytes from there: made once and kept, not made for each. */
  source?(length: number): Promise<Uint8Array>
  /** Plain objects there and back. */
  rows?(rows: readonly object[]): Promise<readonly object[]>
  /**
   * Only where the real client is a program of another runtime (Erlang, Python): it makes a slice of calls by itself, with its own clock,
   * and gives back every single one. Where this is, the other methods go through a pipe to that program: right for a test, never for a timing.
   */
  slice?(slice: Slice): Promise<SliceResult>
  close(): Promise<void>
}

/** Calls of one kind, made for so long. */
export interface Slice {
  /** `both`: the first in flight is a sink, the next a source, and so on. */
  readonly method: "add" | "echo" | "sink" | "source" | "both"
  /** Of each call's bytes; `add` has none. */
  readonly bytes: number
  /** How many are under way at once: each answer starts the next call. */
  readonly inFlight: number
  /** No call starts later than this; those under way are waited for. One call at least is made. */
  readonly ms: number
}

export interface SliceResult {
  /** How long each call took, in microseconds. In order where one is in flight; else one after the other of those that run side by side. */
  readonly us: Float64Array
  /** From the first call's start to the last one's end. */
  readonly seconds: number
}
