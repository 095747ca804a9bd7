/** The command line of the suite, and which subjects there are. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { readNames, readOptions } from "../../bench/suite/options.ts"
import { optionsTold } from "../../bench/suite/options-told.ts"
import { findSubjects } from "../../bench/suite/subjects.ts"

const GROUPS = ["small", "size", "rate"]
const SUBJECTS = ["slurm-flame", "slurm-flame, no TLS", "raw ws"]
const read = (given: Parameters<typeof readOptions>[0]) => readOptions(given, GROUPS, SUBJECTS)

test("without options: all groups, on this machine, with TLS", () => {
  expect(read({})).toEqual({
    options: { backend: "local", tls: true, quick: false, secondsPerGroup: 25, maxRunners: 8 },
    groups: GROUPS,
  })
})

test("each of the options of Slurm means Slurm", () => {
  expect(read({ slurm: true }).options).toMatchObject({ backend: "slurm", sbatch: {} })
  expect(read({ slurmJob: "#!/bin/sh\n" }).options).toMatchObject({ backend: "slurm", slurmJob: "#!/bin/sh\n" })
  expect(read({ sbatch: { partition: "ib" } }).options).toMatchObject({ backend: "slurm", sbatch: { partition: "ib" } })
  expect(read({ sbatch: {} }).options.backend).toBe("local")
})

test("a report of a Slurm run tells what sbatch was asked for, and which job script it was", () => {
  const { options } = read({ slurmJob: "#!/bin/sh\n", sbatch: { partition: "ib" } })
  expect(optionsTold(options, GROUPS)).toMatchObject({ sbatch: { partition: "ib" }, slurmJob: "a8076d3d28d2" })
  expect(optionsTold(read({ slurm: true }).options, GROUPS)).toMatchObject({ sbatch: {} })
  expect(Object.keys(optionsTold(read({}).options, GROUPS))).not.toContain("sbatch")
})

test("groups come in the order of the suite, each once", () => {
  expect(read({ only: "rate, small,rate" }).groups).toEqual(["small", "rate"])
})

test.each([
  [{ only: "smal" }, '--only: there is no group "smal"; there are: small; size; rate'],
  [{ only: "" }, 'there is no group ""'],
  [{ subjects: "raw wss" }, 'there is no subject "raw wss"; there are: slurm-flame; slurm-flame, no TLS; raw ws'],
  [{ secondsPerGroup: "soon" }, '--seconds-per-group takes a whole number from 1 to 3600, not "soon"'],
  [{ secondsPerGroup: "0" }, "whole number from 1"],
  [{ maxRunners: "1e9" }, "--max-runners"],
])("%j is named, with what there is", (given, words) => {
  expect(() => read(given)).toThrow(words)
})

test("a name may have a comma: the longest that is known counts", () => {
  expect(readNames("slurm-flame, no TLS,Raw WS", SUBJECTS, "subjects", "subject")).toEqual([
    "slurm-flame, no TLS",
    "raw ws",
  ])
  expect(readNames("slurm-flame,raw ws,slurm-flame,no tls", SUBJECTS, "subjects", "subject")).toEqual([
    "slurm-flame",
    "raw ws",
    "slurm-flame, no TLS",
  ])
})

test("a peer whose packages or command are missing is named with what it lacks, and one that is broken with what it said", async () => {
  const root = mkdtempSync(path.join(tmpdir(), "flame-peers-"))
  onTestFinished(() => rmSync(root, { recursive: true }))
  mkdirSync(path.join(root, "node_modules/present"), { recursive: true })
  writeFileSync(path.join(root, "node_modules/present/package.json"), "{}")
  writeFileSync(path.join(root, "package.json"), JSON.stringify({ dependencies: { present: "1", node: "1" } }))
  const peer = (name: string, needs: string[]) =>
    writeFileSync(
      path.join(root, `${name}.mjs`),
      `export const about = ${JSON.stringify({ name, kind: "wire", how: "made up", needs })}`,
    )
  peer("zeta", ["present"])
  peer("raw ws", [])
  peer("by-command", ["sh"])
  peer("no-package", ["node"]) // the package of that name, not the command that runs this
  peer("no-command", ["flame-no-such-command"])
  writeFileSync(path.join(root, "broken.mjs"), 'throw new Error("out of order")')
  const found = await findSubjects(root)
  expect(found.slice(0, 3).map(({ name }) => name)).toEqual(["slurm-flame", "slurm-flame, no TLS", "raw ws"])
  const missing = Object.fromEntries(found.map(one => [one.name, one.missing]))
  expect(missing).toMatchObject({
    zeta: undefined,
    "by-command": undefined,
    "no-package": "not installed: node (slurm-flame bench --install-peers)",
    "no-command": "not installed: flame-no-such-command",
    broken: "broken.mjs cannot be loaded: out of order",
  })
})
