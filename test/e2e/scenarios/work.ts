/** Calls that run until the test says that they are done. */
import type { Pool } from "../../../src/index.ts"
import { type Basic, told } from "../helpers.ts"

/** A call that holds its slot. */
export interface Work {
  /** Settles with the call. */
  readonly call: Promise<unknown>
  /** Resolves when it runs; rejects when it fails before. */
  readonly started: Promise<void>
  /** Lets it end well, and resolves when it has. */
  finish(): Promise<unknown>
}

/** Begins a call on `api` that ends when it is let. */
export function work(api: Pool<Basic>["api"]): Work {
  const started = told()
  const done = told()
  const call = Promise.resolve(
    api.train({ epochs: 1 }, async () => {
      await started.tell()
      await done.promise
    }),
  )
  const runs = Promise.race([started.promise, call.then(() => {})])
  runs.catch(() => {}) // of one that is left to end with its pool
  const finish = async () => {
    await done.tell()
    return await call
  }
  return { call, started: runs, finish }
}

/** Begins so many, and resolves when all of them run. */
export async function hold(api: Pool<Basic>["api"], count: number): Promise<Work[]> {
  const all = Array.from({ length: count }, () => work(api))
  await Promise.all(all.map(({ started }) => started))
  return all
}

/** What `promise` rejects with; undefined when it does not. */
export function thrownBy(promise: PromiseLike<unknown>): Promise<any> {
  return Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** All that a pool says of one kind from now on. */
export function heard<E extends Parameters<Pool<unknown>["on"]>[0]>(pool: Pool<any>, event: E): any[] {
  const all: any[] = []
  pool.on(event, value => all.push(value))
  return all
}
