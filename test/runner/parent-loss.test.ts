import { expect, it } from "vitest"
import { graceAfter, mayHaveAnother } from "../../src/runner/supervisor/parent-loss.ts"
import { ConnectionError, HandshakeError } from "../../src/shared/errors.ts"
import { FencedError } from "../../src/transport/fenced.ts"
import { CloseCode } from "../../src/transport/protocol.ts"

const graces = { orphanGraceMs: 5, unlinkedGraceMs: 30 }
const gone = new ConnectionError("nobody listens")
const refused = new ConnectionError("no other could be made", { cause: new HandshakeError("its key was revoked") })
const fenced = new ConnectionError("no other could be made", { cause: new FencedError("2 is the runner") })

it.each([
  ["a parent that is dead", gone, false, false, 5],
  ["the same, and work that may go on", gone, false, true, 30],
  ["a parent that had the time to give the runner up", gone, true, false, 0],
  ["the same, and work that may go on", gone, true, true, 30],
  ["a parent that has given it up", refused, false, false, 0],
  ["the same, and work that may go on", refused, false, true, 30],
  ["another incarnation", fenced, false, false, 0],
  ["the same, and work that may go on", fenced, true, true, 0],
])("%s", (_, reason, expired, unlinked, ms) => {
  expect(graceAfter({ reason, expired, unlinked }, graces)).toBe(ms)
})

it.each([
  ["a parent that is dead", gone, true],
  ["one that refuses: it may be the next, at the port of the last", refused, true],
  ["a parent that lets the runner go", new ConnectionError("bye", {}, CloseCode.bye), false],
  ["another incarnation", fenced, false],
])("a runner of a pool that persists looks for another parent, or does not: %s", (_, reason, looks) => {
  expect(mayHaveAnother(reason)).toBe(looks)
})
