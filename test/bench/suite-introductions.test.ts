/** Files of peers that are not fit to be imported: each costs itself its place, and nobody else anything. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { findSubjects } from "../../bench/suite/subjects.ts"

/** Files with these texts, and what became of them by name. */
async function found(texts: Record<string, string>, limits?: { together: number; alone: number }) {
  const root = mkdtempSync(path.join(tmpdir(), "flame-peers-"))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(root, `${name}.mjs`), text)
  const subjects = await findSubjects(root, limits)
  return new Map(subjects.filter(({ file }) => file !== undefined).map(({ name, missing }) => [name, missing]))
}

const about = (name: unknown, more = {}) =>
  `export const about = ${JSON.stringify({ name, kind: "wire", how: "made up", ...more })};`
const cannot = (name: string, why: string) => [name, `${name}.mjs cannot be loaded: ${why}`]
const SILENT = "it does not say who it is within 4 s: an import, or its `missing`, does not end"

test("one that hangs, ends or blocks the process is left out, and the others are there", {
  timeout: 30_000,
}, async () => {
  const all = await found(
    {
      awaits: `${about("a")} await new Promise(() => setInterval(() => {}, 1_000))`,
      asks: `${about("b")} export const missing = () => new Promise(() => {})`,
      blocks: `${about("c")} for (;;);`,
      exits: `${about("d")} process.exit(0)`,
      throws: `${about("e")} setTimeout(() => { throw new Error("later") }); await new Promise(() => {})`,
      timer: `${about("with a timer")} setInterval(() => {}, 1_000)`,
      good: `${about("good")} export const missing = async () => "no such thing"`,
    },
    { together: 1_000, alone: 4_000 },
  )
  const ended = "it ended the process that imported it"
  expect(Object.fromEntries(all)).toEqual(
    Object.fromEntries([
      cannot("awaits", SILENT),
      cannot("asks", SILENT),
      cannot("blocks", SILENT),
      cannot("exits", `${ended} (exit code 0)`),
      cannot("throws", `${ended} (exit code 1)`),
      ["with a timer", undefined],
      ["good", "no such thing"],
    ]),
  )
})

test("what one says of itself has to be of the right shape", async () => {
  const all = await found({
    none: "export const connect = 1",
    name: about(3),
    kind: about("x", { kind: "threads" }),
    how: about("y", { how: undefined }),
    needs: about("z", { needs: "ws" }),
    missing: `${about("m")} export const missing = () => 3`,
    circle: "export const about = {}; about.about = about",
  })
  expect(Object.fromEntries(all)).toMatchObject(
    Object.fromEntries([
      cannot("none", "it exports no `about`"),
      cannot("name", "its about.name is no words"),
      cannot("kind", 'its about.kind is neither "wire" nor "local"'),
      cannot("how", "its about.how is no words"),
      cannot("needs", "its about.needs is no list of names"),
      cannot("missing", "its `missing` gives no words"),
    ]),
  )
  expect(all.get("circle")).toMatch(/^circle.mjs cannot be loaded: Converting circular/)
})

test("names are unique, ours included, and one that is broken takes nobody's", async () => {
  const all = await found({
    first: about("same"),
    second: about("same"),
    ours: about("slurm-flame"),
    broken: "throw new Error('out of order')",
    named: about("broken"),
  })
  expect([...all]).toEqual(
    [
      ["same", undefined],
      ["second", "second.mjs cannot be loaded: there is another with the name same"],
      ["ours", "ours.mjs cannot be loaded: there is another with the name slurm-flame"],
      ["broken", undefined],
      ["broken.mjs", "broken.mjs cannot be loaded: out of order"],
    ].sort(([a], [b]) => order(all, a!, b!)),
  )
})

const order = (all: ReadonlyMap<string, unknown>, a: string, b: string) =>
  [...all.keys()].indexOf(a) - [...all.keys()].indexOf(b)
