/**
 * Compiles a stranger's strict project against the built package as npm would install it: our files and our runtime
 * dependencies, none of our devDependencies, no lib.dom, and every declaration file checked.
 */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"

const ROOT = path.resolve(import.meta.dirname, "../..")
const PROJECT = path.join(import.meta.dirname, "user-project")
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc")

/** What a TypeScript project on Node has besides ours. */
const STRANGERS_OWN = ["@types/node", "undici-types"]

let dir: string

async function link(name: string): Promise<void> {
  const target = path.join(dir, "node_modules", name)
  await mkdir(path.dirname(target), { recursive: true })
  await symlink(path.join(ROOT, "node_modules", name), target)
}

beforeAll(async () => {
  // Outside the repository, or the search for packages would climb into our node_modules and find too much.
  dir = await mkdtemp(path.join(tmpdir(), "slurm-flame-user-"))
  await cp(PROJECT, dir, { recursive: true })
  await writeFile(path.join(dir, "package.json"), '{ "type": "module" }\n')
  const manifest = await readFile(path.join(ROOT, "package.json"), "utf8")
  const ours = path.join(dir, "node_modules/slurm-flame")
  await mkdir(ours, { recursive: true })
  await writeFile(path.join(ours, "package.json"), manifest)
  await cp(path.join(ROOT, "dist"), path.join(ours, "dist"), {
    recursive: true,
    filter: source => !source.endsWith(".map"),
  }).catch((error: unknown) => {
    throw new Error("dist/ is not there: run `npm run build` first (`npm test` does)", { cause: error })
  })
  const dependencies = Object.keys((JSON.parse(manifest) as { dependencies: Record<string, string> }).dependencies)
  for (const name of [...dependencies, ...STRANGERS_OWN]) await link(name)
})

afterAll(() => rm(dir, { recursive: true, force: true }))

interface Diagnostic {
  file: string
  line: number
  text: string
}

/** Runs the project's own tsc; the diagnostics, continuation lines folded into the one they belong to. */
async function compile(...files: string[]): Promise<Diagnostic[]> {
  const config = path.join(dir, `tsconfig.${files[0]}.json`)
  await writeFile(config, JSON.stringify({ extends: "./tsconfig.json", files }))
  const output = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [TSC, "-p", config, "--pretty", "false"], { cwd: dir }, (error, stdout, stderr) => {
      if (error && stdout === "") reject(new Error(`tsc did not run: ${stderr}`, { cause: error }))
      else resolve(stdout)
    })
  })
  const found: Diagnostic[] = []
  for (const line of output.split("\n")) {
    const at = /^(\S.*?)\((\d+),\d+\): (error .*)$/.exec(line)
    if (at) found.push({ file: at[1]!, line: Number(at[2]), text: at[3]! })
    else if (line.startsWith("error ")) found.push({ file: "", line: 0, text: line })
    else if (line.trim() !== "") found.at(-1)!.text += ` ${line.trim()}`
  }
  return found
}

test("a correct program has no errors, in its own files or in ours", async () => {
  expect(await compile("main.ts", "train.ts")).toEqual([])
})

test("each mistake gets the message that names the remedy, and nothing else is an error", {
  timeout: 60_000,
}, async () => {
  const source = (await readFile(path.join(PROJECT, "wrong.ts"), "utf8")).split("\n")
  const expected = source.flatMap((line, index) => {
    const says = /^\/\/ says: (.*)$/.exec(line)
    return says ? [{ line: index + 2, pattern: new RegExp(says[1]!) }] : []
  })
  expect(expected.length).toBeGreaterThan(0)

  const found = await compile("wrong.ts")
  expect(found.map(({ file, line }) => `${file}:${line}`)).toEqual(expected.map(({ line }) => `wrong.ts:${line}`))
  for (const [index, { pattern }] of expected.entries()) expect(found[index]!.text).toMatch(pattern)
})
