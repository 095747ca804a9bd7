/**
 * Every scenario of the pool's specification, 1 to 55, has a test whose title carries its number: `#N …`. This fails when one goes
 * missing; put the number on the test that shows it, or write that test.
 */
import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { expect, test } from "vitest"

const LAST = 55

/** A title: the text after `it(`, `test.each(…)(`, or at the head of a row of a table. */
const TITLE = /(?:^|[\s([])["'`](#\d+ [^"'`\n]*)/gm

/** The scenarios that tests in this text claim. */
function claimed(text: string): number[] {
  return [...text.matchAll(TITLE)].flatMap(([, title]) => {
    const [numbers] = /^(?:#\d+ )+/.exec(title!)!
    return [...numbers.matchAll(/\d+/g)].map(Number)
  })
}

test("a title may carry several numbers, and nothing else counts", () => {
  const quote = '"'
  const text = [
    `it(${quote}#901 a${quote})`,
    "  [`#902 #903 b`, 1],",
    "// #904 c",
    `see(${quote}issue #905 d${quote})`,
  ].join("\n")
  expect(claimed(text)).toEqual([901, 902, 903])
})

test("every scenario has a test", async () => {
  const root = import.meta.dirname
  const files = (await readdir(root, { recursive: true })).filter(name => name.endsWith(".test.ts"))
  const found = new Set<number>()
  for (const file of files) {
    if (path.join(root, file) === import.meta.filename) continue
    for (const number of claimed(await readFile(path.join(root, file), "utf8"))) found.add(number)
  }
  const all = Array.from({ length: LAST }, (_, i) => i + 1)
  const missing = all.filter(number => !found.has(number))
  expect(missing.join(" "), "scenarios without a test").toBe("")
})
