/**
 * Things broken on purpose, through the public API as it is built: each mistake a newcomer can make gives an error that says
 * what was wrong, where, and what to do. (What only a real scheduler can refuse is in test/cluster.)
 */
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { isFlameError } from "slurm-flame"
import { describe, expect, it } from "vitest"
import { at, pool } from "./errors/broken.ts"
import { moduleRows } from "./errors/module-rows.ts"
import { optionRows } from "./errors/option-rows.ts"
import { useRows } from "./errors/use-rows.ts"

describe.each(Object.entries({ ...moduleRows, ...optionRows, ...useRows }))("%s", (_group, list) => {
  it.each(list)("$mistake", async ({ make, error: name, code, says, todo, shows }) => {
    const error: unknown = await new Promise(resolve => resolve(make())).then(
      value => expect.fail(`nothing was thrown, but this came: ${inspect(value)}`),
      thrown => thrown,
    )
    if (!isFlameError(error)) throw error
    expect(error.constructor.name).toBe(name)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(says)
    expect(error.hint ?? "").toMatch(todo)
    if (error.hint !== undefined) expect(error.message).toContain(error.hint)
    if (shows) expect(inspect(error)).toMatch(shows)
  })
})

describe("afterwards", () => {
  it("a pool that failed a caller serves the next one", async () => {
    const made = pool()
    await expect(made.api.trian()).rejects.toThrow(/trian/)
    await expect(made.api.results()).rejects.toThrow(/cannot cross/)
    await expect(made.api.train(Symbol("x"))).rejects.toThrow(/cannot cross/)
    expect(await made.api.train("x")).toBe("string")
    expect(made.stats().runners).toHaveLength(1)
  })

  it("no process, no directory of a runner and no bundle is left", () => {
    const built = new URL("../../dist/bin/", import.meta.url).pathname
    const children = execFileSync("ps", ["-o", "args=", "--ppid", String(process.pid)], { encoding: "utf8" })
    expect(children.split("\n").filter(args => args.includes(built))).toEqual([])
    expect(readdirSync(at("tmp"))).toEqual([])
    expect(readdirSync(join(at("cache"), "slurm-flame"))).toEqual([])
  })
})
