/**
 * What a subject offers to be measured, whoever it is. `bench/peers/NAME.mjs` and ours implement it; each is opened in a process of its
 * own, and its server runs in another, on this machine or on the runner's node. Owns the contract alone.
 */

/** What `bench/peers/NAME.mjs` exports. Local ones (threads of the client's process) have no `serve`. */
export interface Peer {
  readonly about: PeerAbout
  /**
   * In the server's process. Listens on `host`, on a port that is free.
   * @returns what `connect` in another process needs, as JSON
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
  close(): Promise<void>
}
