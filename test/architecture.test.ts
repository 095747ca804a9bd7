/** The import arrows and house rules of `src/`, checked on the real sources; and the checker itself on made-up ones. */
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { describe, expect, test } from "vitest"
import { violations } from "./architecture/rules.ts"

const ROOT = path.resolve(import.meta.dirname, "..")

test("src/ keeps to the arrows and to the house rules", async () => {
  const names = (await readdir(path.join(ROOT, "src"), { recursive: true })).filter(name => name.endsWith(".ts"))
  const sources = new Map(
    await Promise.all(
      names.map(
        async name => [name.split(path.sep).join("/"), await readFile(path.join(ROOT, "src", name), "utf8")] as const,
      ),
    ),
  )
  const manifest = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>
    optionalDependencies: Record<string, string>
  }
  expect(sources.size).toBeGreaterThan(0)
  expect(
    violations(sources, new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))),
  ).toEqual([])
})

describe("the checker", () => {
  const PACKAGES = new Set(["comlink", "commander", "esbuild"])

  /** `violations` of files given as path -> body; a header is added. */
  function check(files: Record<string, string>): string[] {
    return violations(
      new Map(Object.entries(files).map(([file, body]) => [file, `/** Made up. */\n${body}`])),
      PACKAGES,
    )
  }

  const everyFolder = {
    "shared/ids.ts": "",
    "transport/frame.ts": 'import "../shared/ids.ts"\nimport "comlink"',
    "slurm/job.ts": 'import "../shared/ids.ts"\nimport "node:fs"',
    "local/child.ts": 'import "../shared/ids.ts"\nawait import("esbuild")',
    "parent/pool.ts": 'import "../shared/ids.ts"\nimport "../transport/frame.ts"',
    "runner/index.ts": 'import "../shared/ids.ts"\nimport "../transport/frame.ts"\nimport "comlink"',
    "index.ts": 'export * from "./parent/pool.ts"\nexport * from "./slurm/job.ts"\nexport * from "./runner/index.ts"',
    "cli/main.ts": 'import "../index.ts"\nimport "../slurm/job.ts"\nimport "commander"\nconsole.log(1)',
  }

  test("accepts every arrow that is drawn", () => {
    expect(check(everyFolder)).toEqual([])
  })

  const from = (file: string, statement: string) => ({ ...everyFolder, [file]: statement })

  test.each([
    ["shared", from("shared/ids.ts", 'import "../slurm/job.ts"'), "shared may import nothing of ours"],
    ["transport -> parent", from("transport/frame.ts", 'import "../parent/pool.ts"'), "transport may import shared"],
    ["parent -> slurm", from("parent/pool.ts", 'import "../slurm/job.ts"'), "parent may import transport, shared"],
    ["parent -> local", from("parent/pool.ts", 'import "../local/child.ts"'), "parent may import transport, shared"],
    ["parent -> runner", from("parent/pool.ts", 'import "../runner/index.ts"'), "parent may import transport, shared"],
    ["runner -> parent", from("runner/index.ts", 'import "../parent/pool.ts"'), "runner may import transport, shared"],
    ["slurm -> transport", from("slurm/job.ts", 'import "../transport/frame.ts"'), "slurm may import shared"],
    ["local -> slurm", from("local/child.ts", 'import "../slurm/job.ts"'), "local may import shared"],
    ["anything -> cli", from("index.ts", 'import "./cli/main.ts"'), "index.ts imports cli/main.ts"],
    ["anything -> index", from("parent/pool.ts", 'import "../index.ts"'), "parent/pool.ts imports index.ts"],
    ["a type", from("slurm/job.ts", 'import type { A } from "../transport/frame.ts"'), "slurm may import shared"],
    ["a type in place", from("slurm/job.ts", 'type A = import("../transport/frame.ts").A'), "slurm may import shared"],
    ["a dynamic import", from("slurm/job.ts", 'await import("../transport/frame.ts")'), "slurm may import shared"],
    ["a re-export", from("slurm/job.ts", 'export * from "../transport/frame.ts"'), "slurm may import shared"],
    ["a second joint", from("all.ts", 'import "./slurm/job.ts"'), "only src/index.ts"],
    ["an unknown folder", from("util/a.ts", 'import "../shared/ids.ts"'), "only src/index.ts"],
    ["a missing file", from("slurm/job.ts", 'import "../shared/gone.ts"'), "which does not exist"],
    ["a file outside", from("slurm/job.ts", 'import "../../test/x.ts"'), "outside of src"],
    [
      "comlink elsewhere",
      from("parent/pool.ts", 'import "comlink"'),
      "parent/pool.ts imports comlink: only transport/",
    ],
    ["an undeclared package", from("parent/pool.ts", 'import "@types/ws/x"'), "imports @types/ws, which package.json"],
    ["console.log", from("parent/pool.ts", "// line 2\nconsole.log(1)"), "parent/pool.ts:3 uses console.log"],
    ["a long file", from("parent/pool.ts", "\n".repeat(350)), "parent/pool.ts has 351 lines"],
  ])("refuses %s", (_, files, message) => {
    // Some of these also close a cycle, which has its own test.
    const found = check(files).filter(violation => !violation.startsWith("cycle: "))
    expect(found).toEqual([expect.stringContaining(message)])
  })

  test("refuses a file without a header, and takes one after a #! line", () => {
    const sources = new Map([
      ["shared/a.ts", "export {}"],
      ["shared/b.ts", "#!/usr/bin/env node\n/** Owns b. */"],
    ])
    expect(violations(sources, PACKAGES)).toEqual(["shared/a.ts does not start with a comment that says what it owns"])
  })

  test("refuses a cycle, also through a third file, and names it once", () => {
    const files = {
      "shared/a.ts": 'import "./b.ts"',
      "shared/b.ts": 'import "./c.ts"',
      "shared/c.ts": 'import { type A } from "./a.ts"',
      "shared/d.ts": 'import "./a.ts"',
    }
    expect(check(files)).toEqual(["cycle: shared/a.ts -> shared/b.ts -> shared/c.ts -> shared/a.ts"])
  })

  test("takes a cycle of types, which is gone at run time", () => {
    expect(
      check({
        "shared/a.ts": 'import "./b.ts"',
        "shared/b.ts": 'import type { A } from "./a.ts"\nexport type * from "./a.ts"',
      }),
    ).toEqual([])
  })

  test("takes an import in a comment or in a string for what it is", () => {
    const body = '// import "../slurm/job.ts"\nconst a = `import "../slurm/job.ts"; console.log(1)`'
    expect(check(from("parent/pool.ts", body))).toEqual([])
  })
})
