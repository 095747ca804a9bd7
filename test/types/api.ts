/** A module with one export of each kind, for the type tests. Never run: only its types are read. */
import type { ProxyMarked } from "../../src/shared/remote.ts"

declare function proxy<T extends object>(value: T): T & ProxyMarked

export interface Model {
  weights: Float32Array
  accuracy: number
}

// Functions
export async function train(rate: number, onEpoch?: (e: { epoch: number }) => void): Promise<Model> {
  onEpoch?.({ epoch: Math.round(rate) })
  return { weights: new Float32Array(1), accuracy: rate }
}
export const add = (left: number, right: number): number => left + right
export function nothing(): void {}
export function sum(...numbers: number[]): number {
  return numbers.length
}
export function either(x: number): string | number {
  return x > 1 ? x : String(x)
}
export function perhaps(x: number): number | Promise<string> {
  return x
}
export async function flag(): Promise<boolean> {
  return true
}
export function loose(): any {}
export function unsure(): unknown {
  return 1
}
export function fails(): never {
  throw new Error("always")
}
export async function identity<T>(value: T): Promise<T> {
  return value
}
export async function parse(text: string): Promise<string>
export async function parse(count: number): Promise<number>
export async function parse(x: string | number): Promise<string | number> {
  return x
}
export function size(text: string): number
export function size(list: string[], limit: number): number[]
export function size(x: string | string[], limit?: number): number | number[] {
  return typeof x === "string" ? x.length : [limit ?? 0]
}
export function mixed(text: string): Promise<string>
export function mixed(count: number): number
export function mixed(x: string | number): Promise<string> | number {
  return typeof x === "string" ? Promise.resolve(x) : x
}

// Streams
export async function* losses(n: number): AsyncGenerator<number, string> {
  yield n
  return "done"
}
export function* steps(): Generator<{ step: number }, boolean> {
  yield { step: 1 }
  return true
}
export function* oldSteps(): IterableIterator<string> {
  yield "a"
}
export function lines(): AsyncIterable<string> {
  return losses(1) as unknown as AsyncIterable<string>
}
export function web(): ReadableStream<Uint8Array> {
  return new ReadableStream()
}
export async function laterStream(): Promise<AsyncGenerator<number, void>> {
  throw new Error("never run")
}
export function perhapsStream(): AsyncGenerator<number, void> | undefined {
  return undefined
}
export const list = (): number[] => [1]
export const set = (): Set<number> => new Set()
export const text = (): string => ""

// Callbacks
export async function asks(question: (text: string) => Promise<string>): Promise<void> {
  await question("?")
}
export async function asksPerhaps(question: (text: string) => string | Promise<string>): Promise<void> {
  await question("?")
}
export async function ignores(listener: (text: string) => unknown): Promise<void> {
  listener("")
}
export async function lies(predicate: (x: number) => boolean): Promise<void> {
  predicate(1)
}
export function liesSynchronously(compare?: (a: number, b: number) => number): number {
  return compare?.(1, 2) ?? 0
}

// By reference
export class Store {
  constructor(readonly rows: number[] = []) {}
  private secret = 1
  get(index: number): number {
    return this.rows[index] ?? this.secret
  }
  async save(path: string): Promise<string> {
    return path
  }
  async *scan(): AsyncGenerator<number, void> {
    yield 1
  }
}
export class Single {
  static readonly only = new Single()
  private constructor() {}
}
export const open = () => proxy(new Store())
export const openLater = async () => proxy(new Store())
export async function find(id: number): Promise<(Store & ProxyMarked) | undefined> {
  return id > 0 ? proxy(new Store()) : undefined
}
export const adder = (left: number) => proxy((right: number) => left + right)
export const bareAdder = (left: number) => (right: number) => left + right
export const bareAdderLater = async (left: number) => (right: number) => left + right
export const store = proxy(new Store())

// Namespaces and data
export const optimizers = {
  sgd: (rate: number): number => rate,
  deep: { adam: async (rate: number): Promise<string> => String(rate) },
  defaults: { rate: 0.1 },
}
export const config = { rate: 0.1, layers: [1, 2] }
export const version = "1.0.0" as const
export const created = new Date(0)
export const table = new Map<string, number>()
export const home = new URL("file:///")
export const ready: Promise<number> = Promise.resolve(1)
export const anything: any = 1
export interface Tree {
  name: string
  left?: Tree
  right?: Tree
}
export const tree: Tree = { name: "root" }
export function then(): void {}
export default function main(): number {
  return 1
}

// Resources
export class Session {
  constructor(readonly name: string) {}
  query(text: string): number {
    return text.length
  }
  async ask(text: string): Promise<string> {
    return text
  }
  async *rows(): AsyncGenerator<number, void> {
    yield 1
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}
export const openSession = (): Session => new Session("")
export async function openSessions(): Promise<{
  all: Session[]
  byName: Map<string, Session>
  first?: { session: Session; at: Date }
  count: number
}> {
  throw new Error("never run")
}
export const locked = (): { [Symbol.dispose](): void; path: string } => ({ [Symbol.dispose]() {}, path: "" })
