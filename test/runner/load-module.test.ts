/** The import of a user's module, and what is said when it fails. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { loadModule } from "../../src/runner/worker/load-module.ts"
import { ModuleError } from "../../src/shared/errors.ts"

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "flame-test-load-"))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Loads a module with this text. */
function load(name: string, text?: string) {
  const file = join(dir, name)
  if (text !== undefined) writeFileSync(file, text)
  return loadModule(pathToFileURL(file).href, file)
}

async function failure(name: string, text?: string): Promise<ModuleError> {
  const error = await load(name, text).then(
    () => expect.fail("it loaded"),
    error => error,
  )
  expect(error).toBeInstanceOf(ModuleError)
  return error
}

test.each([
  ["hijacks", "export function then(resolve) { resolve({ g: 1 }) }"],
  ["never answers", "export function then() {}"],
])("a `then` that %s is an export like any other", async (name, text) => {
  const { namespace, names } = await load(`${name}.mjs`, `${text}\nexport const f = () => 3`)
  expect(names).toEqual(["f", "then"])
  expect((namespace as { f(): number }).f()).toBe(3)
})

test("a name that needs escaping is found", async () => {
  expect((await load(`we ird 'q" ünï#%41.mjs`, "export const f = 1")).names).toEqual(["f"])
})

test("a file that is missing is named, and nothing of how it was asked for", async () => {
  const error = await failure("nope.mjs")
  expect(error.message).toMatch(/Cannot find module '.*nope\.mjs'\n/)
  expect(error.message).not.toContain("data:")
  expect(error.hint).toMatch(/on a file system/)
})

test.each([["undefined"], ["null"], ["{ get message() { throw 1 } }"]])(
  "`throw %s` while it loads is told",
  async what => {
    const error = await failure(`throws-${what.length}.mjs`, `throw ${what}`)
    expect(error.hint).toMatch(/threw while it was being loaded/)
  },
)

test("a file that this Node cannot run is told apart when it is TypeScript", async () => {
  const error = await failure("types.tsx", "export const f = (): number => 1")
  expect(error.hint).toMatch(/cannot run this TypeScript: leave `bundle` out/)
  expect((await failure("style.css", "")).hint).not.toMatch(/TypeScript/)
})
