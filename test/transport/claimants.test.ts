/** Who may go on with a line: the runner's key alone is not enough, and a false count ends the line that it names. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { dial } from "../../src/transport/dial.ts"
import { CloseCode, PROTOCOL_VERSION, type Resume } from "../../src/transport/protocol.ts"
import { type Joined, join, leave, losses } from "./joined.ts"
import { closing, HOST, TestHub } from "./link.ts"

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
})
afterAll(() => hub.close())
afterEach(leave)

type Kind = "control" | "data"

/** Comes with the runner's key, by a way of its own, and says `hello`. How that ends. */
async function claim({ runnerId, key }: Joined, kind: Kind, resume: Resume | undefined, generation = 0) {
  const ws = await dial({ host: HOST, port: hub.port, kind, identity: runnerId, key })
  const end = closing(ws)
  const who = { runnerId, pid: 1, ...(kind === "data" ? { generation } : { jobId: "1", node: "n" }) }
  ws.send(JSON.stringify({ t: "hello", v: PROTOCOL_VERSION, ...who, ...(resume && { resume }) }))
  return await end
}

const add = (a: number, b: number) => a + b
const REFUSED = { code: CloseCode.refused }

/** Nobody can be reached, and both sides know. Returns what ends that. */
async function down({ proxy, link, data, control }: Joined): Promise<() => void> {
  proxy.hold()
  proxy.cut("rst")
  await proxy.next()
  await proxy.next() // supervisor and worker have noticed, and dial in vain
  expect([link.up, control!.up, data.up]).toEqual([false, false, false])
  return () => proxy.release()
}

describe.each(["control", "data"] as const)("a second claimant of the %s line with the right key", kind => {
  const nameless: (Resume | undefined)[] = [undefined, { line: "0".repeat(32), received: 0 }, { line: "", received: 1 }]

  it("cannot have it while it is up", async () => {
    const joined = await join(hub, { add }, true)
    for (const resume of nameless) expect(await claim(joined, kind, resume)).toMatchObject(REFUSED)
    expect(joined.news.filter(n => n.startsWith("refused"))).toHaveLength(3)
    expect(await joined.call("add", [1, 2])).toBe(3)
    expect(joined.proxy.passages.every(p => p.whole)).toBe(true)
  })

  it("cannot have it while it is down either, and it comes back to who has it", async () => {
    const joined = await join(hub, { add }, true)
    const release = await down(joined)
    for (const resume of nameless) expect(await claim(joined, kind, resume)).toMatchObject(REFUSED)
    const answer = joined.call("add", [1, 2])
    release()
    expect(await answer).toBe(3)
  })
})

describe("a resumption of a data line with its name", () => {
  it("and a count that cannot be ends this line as a protocol error, and nothing else", async () => {
    const other = await join(hub, { add }, true)
    const joined = await join(hub, { add }, true)
    const { line } = joined.data.welcome
    expect(await joined.call("add", [1, 2])).toBe(3)
    expect(await claim(joined, "data", { line, received: 1_000 })).toMatchObject({ code: CloseCode.protocol })
    expect(joined.link.up).toBe(false)
    expect(joined.control!.up).toBe(true)
    expect(losses()[0]).toMatch(/^the parent's line: the peer acknowledges 1000 packets; \d+ to \d+ would be right$/)
    expect(await other.call("add", [2, 2])).toBe(4)
    expect(other.news).not.toContain("unreachable")
  })

  it("and a count that is older than what was acknowledged comes late, and changes nothing", async () => {
    const joined = await join(hub, { add }, true)
    const { line } = joined.data.welcome
    for (let i = 0; i < 80; i++) expect(await joined.call("add", [i, 1])).toBe(i + 1) // one packet each: 64 are acknowledged
    expect(await claim(joined, "data", { line, received: 1 })).toMatchObject(REFUSED)
    expect(await joined.call("add", [1, 2])).toBe(3)
    expect(joined.proxy.passages.every(p => p.whole)).toBe(true)
  })
})
