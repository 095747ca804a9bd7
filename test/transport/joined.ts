/**
 * A parent's RunnerLink and a worker's DataLink, and a supervisor's ControlLink where one is wanted, joined through a proxy by
 * the code that joins them in earnest: only the processes are missing.
 */
import { randomUUID } from "node:crypto"
import { expect } from "vitest"
import { RunnerLink } from "../../src/parent/runner-link.ts"
import { ControlLink } from "../../src/runner/supervisor/control-link.ts"
import { DataLink } from "../../src/runner/worker/data-link.ts"
import { ConnectionError } from "../../src/shared/errors.ts"
import { RpcClient } from "../../src/transport/rpc-client.ts"
import { RpcServer } from "../../src/transport/rpc-server.ts"
import type { Session } from "../../src/transport/session.ts"
import { deferred, HOST, type TestHub } from "./link.ts"
import { LossyProxy } from "./lossy-proxy.ts"

export type Api = Record<string, (...args: any[]) => unknown>

/** A parent's and a worker's end, joined through a proxy by the code that joins them in earnest. */
export interface Joined {
  readonly proxy: LossyProxy
  readonly data: DataLink
  readonly link: RunnerLink
  readonly control: ControlLink | undefined
  readonly runnerId: string
  readonly key: Buffer
  /** What the parent's link told, in order. */
  readonly news: string[]
  call(name: string, args: unknown[], signal?: AbortSignal): Promise<any>
  close(): void
}

const open = new Set<Joined>()
/** What was lost that nobody wanted to lose. */
const lost: string[] = []

export async function join(hub: TestHub, api: Api, withControl = false): Promise<Joined> {
  const news: string[] = []
  const runnerId = randomUUID()
  const ready = deferred<Session>()
  let closing = false
  const lose = (what: string) => (reason: Error) => {
    if (!closing) lost.push(`${what}: ${reason.message}`)
  }
  const settings = {
    runnerId,
    pool: "p",
    maxConcurrency: 1,
    heartbeatMs: 60_000,
    silenceMs: 60_000,
    reconnectMs: 20_000,
    orphanGraceMs: 0,
    unlinkedGraceMs: 0,
  }
  const link = new RunnerLink(settings, {
    hello() {},
    reborn() {},
    worker: welcome => welcome({ module: "m", source: "s" }),
    ready: session => ready.resolve(session),
    fail() {},
    clock() {},
    ask() {},
    draining() {},
    workerExit() {},
    bye() {},
    unreachable: () => void news.push("unreachable"),
    reachable: () => void news.push("reachable"),
    restored: () => void news.push("restored"),
    dataLost: lose("the parent's line"),
    controlLost: lose("the control line"),
    idle: () => false,
    refused: why => void news.push(`refused: ${why}`),
    callbackFailed: error => lost.push(`callback: ${error}`),
  })
  const secret = hub.admit(runnerId, peer => link.accept(peer))
  const key = secret.toString("base64")
  const proxy = await LossyProxy.open(hub.port)
  const boot = { v: 1, runnerId, pool: "p", addresses: [{ host: HOST, port: proxy.port }], tls: hub.tls, key } as const
  const who = { jobId: "1", node: "n" }
  const handler = { message() {}, writable() {}, resumed() {}, doubt() {}, lost: lose("the supervisor's line") }
  const control = withControl ? await ControlLink.open(boot, [], who, handler) : undefined
  const data = await DataLink.open(
    {
      t: "init",
      runnerId,
      pool: "p",
      addresses: boot.addresses,
      tls: hub.tls,
      key,
      from: [],
      jobId: "1",
      node: "n",
      tmpdir: "",
      until: undefined,
      generation: 0,
    },
    lose("the worker's line"),
  )
  new RpcServer(data.session.root, { begin: () => () => {}, apply: (path, args) => api[path[0]!]!(...args), get() {} })
  data.send({ t: "ready", exports: [] })
  const client = new RpcClient((await ready.promise).root)
  const joined: Joined = {
    proxy,
    data,
    link,
    control,
    runnerId,
    key: secret,
    news,
    call: (name, args, signal) =>
      new Promise((resolve, reject) => {
        const id = client.apply([name], args, { resolve, reject, done() {} })
        signal?.addEventListener("abort", () => client.cancel(id, signal.reason))
      }),
    close() {
      closing = true
      data.session.fail(new ConnectionError("closed"))
      link.close(new ConnectionError("closed"))
      proxy.close()
    },
  }
  open.add(joined)
  return joined
}

/** Ends all of them; fails when a line was lost before. */
export function leave(): void {
  for (const joined of open) joined.close()
  open.clear()
  expect(lost.splice(0)).toEqual([])
}

/** What was lost so far, which is what the test wanted. */
export function losses(): string[] {
  return lost.splice(0)
}
