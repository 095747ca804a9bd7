/** Whether a process lives, as its own machine sees it and as others do. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { networkInterfaces } from "node:os"
import { createInterface } from "node:readline"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { parentLife } from "../../src/shared/parent-life.ts"
import { ownMark, type ProcessMark, whereabouts } from "../../src/shared/process-mark.ts"

/** As the kernel prints it: state, and start time. */
function statOf(pid: number): { state: string; started: string } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")
  return { state: fields[0]!, started: fields[19]! }
}

describe("a process of this machine", () => {
  it("lives while it does", async () => {
    const child = spawn("sleep", ["120"])
    onTestFinished(() => void child.kill("SIGKILL"))
    const mark = { ...ownMark(), pid: child.pid!, started: statOf(child.pid!).started }
    expect(whereabouts(ownMark())).toBe("alive")
    expect(whereabouts(mark)).toBe("alive")
    const exit = once(child, "exit")
    child.kill("SIGKILL")
    await exit
    expect(whereabouts(mark)).toBe("dead")
  })

  it("is dead although its pid came back", () => {
    expect(whereabouts({ ...ownMark(), started: "1" })).toBe("dead")
  })

  it("is dead although nobody has asked yet how it ended", async () => {
    // exec leaves a program that asks after no children.
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 120"])
    onTestFinished(() => void parent.kill("SIGKILL"))
    const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string]
    const pid = Number(line)
    await vi.waitFor(() => expect(statOf(pid).state).toBe("Z"), { timeout: 10_000 })
    expect(whereabouts({ ...ownMark(), pid, started: statOf(pid).started })).toBe("dead")
  })

  it.each<[string, Partial<ProcessMark>]>([
    ["of another boot, or another machine", { boot: "another" }],
    ["of another pid namespace", { namespace: "pid:[1]" }],
    ["that could not say who it is", { started: "" }],
  ])("one %s is out of sight", (_, change) => {
    expect(whereabouts({ ...ownMark(), ...change })).toBe("elsewhere")
  })
})

describe("a parent that is out of sight", () => {
  const parent = { ...ownMark(), boot: "another" }
  const own = Object.values(networkInterfaces())
    .flat()
    .find(one => one && !one.internal && one.family === "IPv4")?.address

  it.skipIf(own === undefined)("lives where its port is answered; that nobody listens is told as that", async () => {
    const server = createServer().listen(0, own)
    await once(server, "listening")
    const address = { host: own!, port: (server.address() as AddressInfo).port }
    expect(await parentLife({ parent, address })).toBe("alive")
    await new Promise(resolve => server.close(resolve))
    expect(await parentLife({ parent, address })).toBe("refused")
  })

  it.each([
    ["its address is a loopback, which here is ours", { host: "127.0.0.1", port: 1 }],
    ["its address is none", { host: "", port: 1 }],
  ])("is unknown where %s", async (_, address) => {
    expect(await parentLife({ parent, address })).toBe("unknown")
  })
})
