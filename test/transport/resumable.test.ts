/** Resumable requests on the wire: their marks, what goes with them, and the answer that they were interrupted. */
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Marks } from "../../src/transport/protocol.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import { type Link, TestHub } from "./link.ts"

let hub: TestHub
let link: Link
let client: RpcClient
const seen: Marks[] = []
const asked: unknown[] = []
const stopped = new Error("stopped")
let run: (args: readonly any[]) => unknown = () => undefined

beforeAll(async () => {
  hub = await TestHub.open()
  link = await hub.link()
  new RpcServer(link.runner.session.root, {
    apply(_path, args, { marks }) {
      seen.push(marks)
      return run(args)
    },
    get: () => undefined,
    interrupted(error) {
      asked.push((error as Error).message)
      return error === stopped
    },
  })
  client = new RpcClient(link.parent.session.root)
})
afterAll(() => hub.close())

/** How the answer to a request with these marks came. */
function answer(args: unknown[], marks?: Marks) {
  return new Promise<{
    error?: any
    value?: unknown
    refused?: boolean | undefined
    interrupted?: boolean | undefined
  }>(resolve => {
    const reject = (error: unknown, refused?: boolean, interrupted?: boolean) =>
      resolve({ error, refused, interrupted })
    client.apply(["f"], args, { resolve: value => resolve({ value }), reject, done() {} }, marks)
  })
}

const throws = (error: unknown) => {
  run = () => Promise.reject(error)
}

test("a request that was interrupted says so, and nothing else does", async () => {
  throws(stopped)
  expect(await answer([], { resumable: true, attempt: 2 })).toMatchObject({ interrupted: true, refused: false })
  expect(seen.at(-1)).toEqual({ resumable: true, attempt: 2 })
  throws(new Error("its own"))
  expect(await answer([], { resumable: true })).toMatchObject({ interrupted: false, error: { message: "its own" } })
  expect(asked).toEqual(["stopped", "its own"])
  throws(stopped)
  expect(await answer([])).toMatchObject({ interrupted: true })
  expect(await answer([], { track: true })).toMatchObject({ interrupted: true })
  throws(Object.assign(new Error("its own"), { interrupted: true }))
  expect(await answer([], { resumable: true })).toMatchObject({ interrupted: false })
  expect(asked).toHaveLength(5) // what is thrown cannot have the mark by itself
})

test("marks that are none are not seen", async () => {
  run = () => 1
  for (const [resumable, attempt] of [
    ["yes", 2],
    [1, 2],
    [undefined, 2],
  ]) {
    await answer([], { resumable, attempt, track: true } as never)
    expect(seen.at(-1)?.resumable).toBeUndefined()
  }
  for (const attempt of ["2", 1.5, Number.NaN, {}]) {
    await answer([], { resumable: true, attempt } as never)
    expect(seen.at(-1)).toEqual({ resumable: true })
  }
})

test("what was kept before the end arrives before the end", async () => {
  const order: string[] = []
  const save = (state: Uint8Array) => {
    order.push(`kept ${state.length}`)
  }
  run = ([state, keep]) => {
    order.push(`from ${state.length}`)
    void keep(new Uint8Array(8_000_000))
    throw stopped
  }
  expect(await answer([new Uint8Array(5), save], { resumable: true })).toMatchObject({ interrupted: true })
  order.push("ended")
  expect(order).toEqual(["from 5", "kept 8000000", "ended"])
})
