import { expect, it } from "vitest"
import { Call } from "../../src/parent/call.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import { type Served, Service } from "../../src/parent/service.ts"
import type { FlameError } from "../../src/shared/errors.ts"
import type { Session } from "../../src/transport/session.ts"

/** A worker's session that sends nowhere. */
function session(): Session {
  const listeners: ((reason: FlameError) => void)[] = []
  const root = {
    closed: undefined as FlameError | undefined,
    receive() {},
    onClose: (listener: (reason: FlameError) => void) => listeners.push(listener),
    sendText() {},
    send() {},
  }
  const fail = (reason: FlameError) => {
    root.closed = reason
    for (const listener of listeners) listener(reason)
  }
  return { root, fail } as unknown as Session
}

const limits = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined }

it("has no slot while its calls hear that the worker is lost: one that may be run again goes elsewhere, and what waits never began", async () => {
  const service = new Service(1, { serves: () => true, loaded() {}, freed() {} })
  service.begin(session(), ["f"], { id: "r-1", evidence: {} } as Served)
  expect(service.free).toBe(1)
  const retries = { times: 1, on: new Set(["ERR_FLAME_RUNNER_LOST"]) }
  const { call } = Call.begin({ kind: "apply", path: ["f"], args: [] }, { ...limits, retries })
  const waits = Call.begin({ kind: "apply", path: ["f"], args: [] }, limits)
  const news: string[] = []
  service.run(call, failed => news.push(`again, failed: ${failed}, free: ${service.free}`))
  service.run(waits.call, failed => news.push(`the other, failed: ${failed}`))
  service.fail(lostError("r-1", "crashed", true, {}))
  await new Promise(resolve => setImmediate(resolve))
  expect(news).toEqual(["the other, failed: false", "again, failed: true, free: 0"])
  expect(waits.call.started).toBe(false)
  service.begin(session(), ["f"], { id: "r-1", evidence: {} } as Served)
  expect(service.free).toBe(1)
})
