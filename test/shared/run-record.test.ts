import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { ownMark } from "../../src/shared/process-mark.ts"
import { ownProgram, parseRecord, type RunRecord, RunRecords } from "../../src/shared/run-record.ts"
import { stateDirectory } from "../../src/shared/state-dir.ts"

function records(): RunRecords {
  const root = mkdtempSync(join(tmpdir(), "flame-records-"))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return new RunRecords(join(root, "state", "runs"))
}

function record(change: Partial<RunRecord> = {}): RunRecord {
  const address = { host: "10.0.0.1", port: 4711 }
  return { v: 1, run: "0123ab", pool: "train", ...ownProgram(), address, startedAt: 1, ...change }
}

describe("records of runs", () => {
  it("are written for this user alone, listed in the order of their start, and removed", async () => {
    const all = records()
    expect(await all.list()).toEqual([]) // there is no directory yet
    const [first, second] = [record({ startedAt: 1 }), record({ run: "ffffff", pool: "my_pool-2", startedAt: 2 })]
    await all.write(second)
    await all.write(first)
    expect(await all.list()).toEqual([first, second])
    expect(statSync(all.directory).mode & 0o777).toBe(0o700)
    expect(statSync(all.pathOf(first)).mode & 0o777).toBe(0o600)
    expect(readdirSync(all.directory)).toHaveLength(2) // nothing beside them
    await all.remove(first)
    await all.remove(first) // twice is harmless
    all.removeSync(second)
    all.removeSync(second)
    expect(readdirSync(all.directory)).toEqual([])
  })

  it("are replaced in one step", async () => {
    const all = records()
    await all.write(record())
    await all.write(record({ deadSince: 5 }))
    expect(await all.list()).toEqual([record({ deadSince: 5 })])
  })

  it("are not written where others may write: they could say whose a job is", async () => {
    const all = records()
    mkdirSync(all.directory, { recursive: true })
    chmodSync(all.directory, 0o770)
    await expect(all.write(record())).rejects.toThrow(/may be written by others \(mode 770\)[\s\S]*chmod go= /)
    expect(readdirSync(all.directory)).toEqual([])
  })

  it("pass over what is none: other files, half a text, another version, a record under another's name", async () => {
    const all = records()
    await all.write(record())
    const text = readFileSync(all.pathOf(record()), "utf8")
    const put = (name: string, content: string) => writeFileSync(join(all.directory, name), content)
    put("train-0123ab.json.77", text)
    put("README", text)
    put("train-000001.json", text)
    put("train-000002.json", text.slice(0, 50))
    put("train-000003.json", JSON.stringify({ ...record({ run: "000003" }), v: 2 }))
    put("train-000004.json", "null")
    expect(await all.list()).toEqual([record()])
  })
})

it.each(["run", "pool", "program", "cwd", "parent", "address", "startedAt"])(
  "a record without its %s is none",
  field => {
    const { [field as "run"]: _, ...rest } = record()
    expect(parseRecord(JSON.stringify(record()))).toEqual(record())
    expect(parseRecord(JSON.stringify(rest))).toBeUndefined()
  },
)

it("says which program this is", () => {
  expect(ownProgram()).toMatchObject({ cwd: process.cwd(), parent: ownMark() })
  const [node, main] = process.argv
  onTestFinished(() => {
    process.argv[1] = main!
  })
  process.argv = [node!]
  expect(ownProgram().program).toBeNull()
  process.argv[1] = "/no/such/file"
  expect(ownProgram().program).toBeNull()
})

it("the state directory follows XDG_STATE_HOME where that is an absolute path", () => {
  expect(stateDirectory({ XDG_STATE_HOME: "/scratch/me" })).toBe("/scratch/me/slurm-flame")
  expect(stateDirectory({ XDG_STATE_HOME: "relative" })).toMatch(/\/\.local\/state\/slurm-flame$/)
})
