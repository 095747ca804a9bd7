/** Files of runners on real nodes: what a node's end leaves there, and what is kept of a runner. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { afterEach, expect, test } from "vitest"
import { mustRun } from "./command.ts"
import { cluster, endEverything, inNode, onCluster, tempDirsLeft, waitFor } from "./harness.ts"
import { call, closeCleanly, openPool, spawn, type Where } from "./parent.ts"

const ON_N1 = { sbatch: { nodelist: "n1" } }
const PRECIOUS = "/home/flame/precious"
/** Eve's directory with our name and the mark of a dead runner of flame's; and her link of that name to what is flame's. */
const EVES = ["/tmp/slurm-flame-eve-1-AbC123", "/tmp/slurm-flame-eve-2-AbC123"] as const

onCluster("files of runners", () => {
  afterEach(async () => {
    await cluster("heal", "n1")
    await inNode("n1", ["rm", "-rf", ...EVES])
    rmSync(PRECIOUS, { recursive: true, force: true })
    await endEverything()
  })

  test("what a node without power left is swept by the next runner there; eve's is not, and she has nothing deleted", async () => {
    const parent = await openPool({ max: 1, heartbeat: "300ms", reconnectTimeout: "1s" }, ON_N1)
    const { tmpdir } = await call<Where>(parent, "where")
    await inNode("n1", ["cp", "-a", tmpdir, EVES[0]])
    await inNode("n1", ["chown", "-R", "eve:", EVES[0]])
    mkdirSync(PRECIOUS)
    writeFileSync(`${PRECIOUS}/data`, "x")
    await inNode("n1", ["cp", `${tmpdir}/.slurm-flame`, `${PRECIOUS}/.slurm-flame`])
    await mustRun(["chown", "-R", "flame:", PRECIOUS])
    await mustRun(["chmod", "700", PRECIOUS])
    await inNode("n1", ["ln", "-s", PRECIOUS, EVES[1]], { user: "eve" })
    await cluster("fail", "n1", "power")
    await parent.next("runner:down")
    await cluster("heal", "n1")
    expect((await tempDirsLeft("n1")).sort()).toEqual([...EVES, tmpdir].sort()) // or there is nothing to be swept

    const next = await call<Where>(parent, "where")
    const left = await waitFor(async () => {
      const dirs = await tempDirsLeft("n1")
      return !dirs.includes(tmpdir) && dirs
    }, `the sweep of ${tmpdir}`)
    expect(left.sort()).toEqual([...EVES, next.tmpdir].sort())
    expect((await inNode("n1", ["ls", "-A", EVES[0]])).stdout.trim().split("\n").sort()).toEqual([
      ".slurm-flame",
      "mark",
    ])
    expect(existsSync(`${PRECIOUS}/data`)).toBe(true)
    await inNode("n1", ["rm", "-rf", ...EVES])
    await closeCleanly(parent)
  })

  test("keep() moves a result from a node's own /tmp to the home directory that all share", async () => {
    const parent = await openPool({ max: 1, keepDir: `${PRECIOUS}/kept` })
    await mustRun(["install", "-d", "-o", "flame", "-m", "700", PRECIOUS])
    await spawn(parent, "a")
    const { id, tmpdir, node } = await call<Where>(parent, "where", [], "a")
    expect(id).toBeTruthy()
    const kept = await call<string>(parent, "produce", ["model.bin", 5_000_000], "a")
    expect(kept).toBe(`${PRECIOUS}/kept/model.bin`)
    expect((await inNode(node, ["ls", tmpdir])).stdout).not.toContain("model.bin")
    await closeCleanly(parent)
    expect(statSync(kept).size).toBe(5_000_000)
    expect((await mustRun(["ls", "-A", `${PRECIOUS}/kept`])).trim()).toBe("model.bin") // and no part of it
  })
})
