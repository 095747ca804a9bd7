/** The test cluster and the harness themselves: that what the other cluster tests stand on is there. */

import { once } from "node:events"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { createInterface, type Interface } from "node:readline"
import { afterEach, beforeEach, expect, test } from "vitest"
import {
  APP,
  asUser,
  cluster,
  endPrograms,
  inNode,
  LOGIN_ADDRESS,
  NODES,
  nodeAddress,
  nodeProcesses,
  noJobsLeft,
  onCluster,
  runAs,
  sbatch,
  squeue,
  tempDirsLeft,
  waitFor,
} from "./harness.ts"

/** A job that dials the test over ib0, says where it runs, reports SIGTERM, and ends when the test hangs up. */
const DIALLING_JOB = `#!/bin/bash
export ADDRESS=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
exec node -e '
  const { createConnection } = require("node:net")
  const [host, port] = process.env.PARENT.split(":")
  const socket = createConnection({ host, port, localAddress: process.env.ADDRESS })
  const say = line => socket.write(JSON.stringify(line) + "\\n")
  process.on("SIGTERM", () => { say({ signal: "SIGTERM" }); socket.end() })
  socket.on("connect", () => say({ node: process.env.SLURMD_NODENAME, address: process.env.ADDRESS }))
  socket.on("end", () => process.exit(0))
' marked-by-the-test
`

class Caller {
  readonly socket: Socket
  readonly #lines: AsyncIterator<string>
  constructor(socket: Socket) {
    this.socket = socket
    this.#lines = (createInterface({ input: socket }) as Interface)[Symbol.asyncIterator]()
  }
  async read(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    return done ? "hung up" : JSON.parse(value)
  }
}

onCluster("the nodes", () => {
  let server: Server
  let parent: { PARENT: string }
  const callers: Caller[] = []

  beforeEach(async () => {
    server = createServer().listen(0, LOGIN_ADDRESS)
    await once(server, "listening")
    parent = { PARENT: `${LOGIN_ADDRESS}:${(server.address() as AddressInfo).port}` }
  })
  afterEach(async () => {
    for (const caller of callers.splice(0)) caller.socket.destroy()
    server.close()
    await noJobsLeft()
  })

  async function dialledBy(node: string, env: Record<string, string> = {}): Promise<{ id: string; caller: Caller }> {
    const call = once(server, "connection")
    const id = await sbatch(DIALLING_JOB, ["-w", node], { ...parent, ...env })
    const caller = new Caller(((await call) as [Socket])[0])
    callers.push(caller)
    return { id, caller }
  }

  test("there are three, and all are idle", async () => {
    await noJobsLeft()
    const { stdout } = await runAs("flame", ["sinfo", "-h", "-N", "-p", "cpu", "-o", "%N %T"])
    expect(stdout.trim().split("\n")).toEqual(NODES.map(node => `${node} idle`))
  })

  test.each(NODES)("a job on %s dials the login node over ib0", async node => {
    const { caller } = await dialledBy(node)
    expect(await caller.read()).toEqual({ node, address: nodeAddress(node) })
    expect(caller.socket.remoteAddress).toBe(nodeAddress(node))
    expect(caller.socket.localAddress).toBe(LOGIN_ADDRESS)
  })

  test("scancel --batch --signal=TERM reaches the node process that replaced the batch shell", async () => {
    const { id, caller } = await dialledBy("n2")
    await caller.read()
    expect(await squeue()).toEqual([{ id, state: "RUNNING", reason: "None", node: "n2", name: "sbatch" }])
    expect((await runAs("flame", ["scancel", "--batch", "--signal=TERM", id])).stderr).toBe("")
    expect(await caller.read()).toEqual({ signal: "SIGTERM" })
  })

  test("eve cannot see the environment of flame's job", async () => {
    const { id, caller } = await dialledBy("n1", { TOKEN: "the-secret" })
    await caller.read()
    const job = (await nodeProcesses("n1")).find(one => one.args.includes("marked-by-the-test"))
    const environ = ["cat", `/proc/${job?.pid}/environ`]
    expect((await inNode("n1", environ, { user: "flame" })).stdout).toContain("TOKEN=the-secret")
    const spied = await inNode("n1", environ, { user: "eve" })
    expect(spied).toMatchObject({ code: 1, stdout: "" })
    expect(spied.stderr).toContain("Permission denied")
    const shown = await runAs("eve", ["scontrol", "show", "job", "-dd", id])
    expect(shown.stdout).toContain("UserId=flame")
    expect(shown.stdout).not.toContain("the-secret")
  })

  test("each has a /tmp of its own, and the home directories in common", async () => {
    await inNode("n1", ["mkdir", "/tmp/slurm-flame-lab"])
    try {
      expect(await tempDirsLeft("n1")).toEqual(["/tmp/slurm-flame-lab"])
      expect(await tempDirsLeft("n2")).toEqual([])
    } finally {
      await inNode("n1", ["rmdir", "/tmp/slurm-flame-lab"]) // or all tests after this one would find it
    }
    expect((await inNode("n3", ["ls", APP], { user: "flame" })).stdout).toContain("node_modules")
  })

  test("a node without power hears nothing, and works again when healed", async () => {
    await cluster("fail", "n3", "power")
    expect((await inNode("n3", ["true"])).stderr).toContain("n3 is off")
    expect(await cluster("heal", "n3")).toMatchObject({ code: 0, stderr: "" })
    const { caller } = await dialledBy("n3")
    expect(await caller.read()).toEqual({ node: "n3", address: nodeAddress("n3") })
  })
})

onCluster("the harness", () => {
  afterEach(endPrograms)

  test("runs a program as the user, with the environment of a login, and talks with it", async () => {
    const program = asUser("lab-echo.mjs", ["an argument"], { env: { EXTRA: "1" } })
    const uid = Number((await runAs("flame", ["id", "-u"])).stdout)
    const hello = await program.next("hello")
    expect(hello).toMatchObject({ uid, cwd: APP, args: ["an argument"] })
    expect(hello.env.sort()).toEqual(["EXTRA", "HOME", "LANG", "LOGNAME", "PATH", "USER"])
    const first = program.next("echo")
    for (const n of [1, 2, 3]) program.send({ n })
    program.send({ exit: 7 })
    expect(await program.result).toMatchObject({ code: 7, stdout: "{ not an event\n", stderr: "a line on stderr\n" })
    expect(await first).toEqual({ event: "echo", n: 1 })
    expect(await program.next("echo")).toEqual({ event: "echo", n: 2 })
    expect(await program.next("echo")).toEqual({ event: "echo", n: 3 })
  })

  test("tells all that a program said when it ends without the awaited event", async () => {
    const program = asUser("lab-echo.mjs")
    await program.next("hello")
    const waiting = program.next("never")
    program.kill("SIGKILL")
    await expect(waiting).rejects.toThrow(/SIGKILL\) without saying "never"[\s\S]*"hello"[\s\S]*a line on stderr/)
    await expect(program.next("echo")).rejects.toThrow('without saying "echo"')
  })

  test("names what it waited for in vain", async () => {
    await expect(waitFor(() => false, "the impossible", 0.1)).rejects.toThrow("waited 0.1 s for the impossible")
  })
})
