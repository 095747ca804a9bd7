/** The one question to the accounts, against a `sacct` that answers as it is told. */
import { describe, expect, it } from "vitest"
import { Accounting, parseRecord } from "../../src/slurm/accounting.ts"
import { FakeSlurm } from "./fake-slurm.ts"

const MIB = 1024 ** 2
const NOTHING = { maxRssBytes: undefined, cancelledBy: undefined }
const DONE = "7|OUT_OF_MEMORY|2026-11-22T12:00:00|\n7.batch|OUT_OF_MEMORY|2026-11-22T12:00:00|1024K\n"

const site = (accounting: boolean) => ({
  site: async () => ({ killWaitMs: 0, maxArraySize: 1, accounting, clockSkewMs: 0 }),
})

describe("a record", () => {
  it.each([
    ["", { ...NOTHING, ended: false }],
    ["this site says hello\n", { ...NOTHING, ended: false }],
    [DONE, { maxRssBytes: MIB, cancelledBy: undefined, ended: true }],
    ["7|RUNNING|Unknown|\n7.batch|RUNNING|Unknown|\n", { ...NOTHING, ended: false }],
    [
      "7|CANCELLED by 0|2026-11-22T12:00:00|\n7.batch|CANCELLED|Unknown|\n",
      { ...NOTHING, cancelledBy: 0, ended: false },
    ],
    [
      "7_3|CANCELLED by 1002|2026-11-22T12:00:00|\n7_3.batch|CANCELLED|2026-11-22T12:00:00|2M\n7_3.0|FAILED|2026-11-22T12:00:00|3.5M\n7_3.extern|COMPLETED|2026-11-22T12:00:00|0\n",
      { maxRssBytes: 3.5 * MIB, cancelledBy: 1002, ended: true },
    ],
  ])("%j", (text, record) => {
    expect(parseRecord(text)).toEqual(record)
  })
})

describe("sacct", () => {
  it("is not asked where the site keeps no accounts", async () => {
    const fake = new FakeSlurm()
    expect(await new Accounting(site(false)).record("7")).toEqual(NOTHING)
    expect(fake.calls("sacct")).toEqual([])
  })

  it("is asked for one job, in bytes that can be read", async () => {
    const fake = new FakeSlurm()
    fake.answer("sacct", { stdout: DONE })
    expect(await new Accounting(site(true)).record("7_1")).toEqual({ ...NOTHING, maxRssBytes: MIB })
    const [call] = fake.calls("sacct")
    expect(call?.argv).toEqual([
      "--noheader",
      "--parsable2",
      "--noconvert",
      "--format=JobID,State,End,MaxRSS",
      "--jobs=7_1",
    ])
    expect(call?.env.TZ).toBe("UTC0")
  })

  it("is asked again while the record lags behind", async () => {
    const fake = new FakeSlurm()
    fake.answer("sacct", { stdout: "7|RUNNING|Unknown|\n", once: true })
    const asked = new Accounting(site(true), 60_000).record("7")
    await fake.called("sacct")
    fake.answer("sacct", { stdout: DONE })
    expect(await asked).toEqual({ ...NOTHING, maxRssBytes: MIB })
  })

  it("that does not answer keeps nobody waiting", async () => {
    const fake = new FakeSlurm()
    fake.answer("sacct", { hang: true })
    expect(await new Accounting(site(true), 500).record("7")).toEqual(NOTHING)
  })

  it("that says there are no accounts is believed", async () => {
    const fake = new FakeSlurm()
    const accounting = new Accounting(site(true), 60_000)
    expect(await accounting.record("7")).toEqual(NOTHING)
    expect(await accounting.record("8")).toEqual(NOTHING)
    expect(fake.calls("sacct")).toHaveLength(1)
  })
})
