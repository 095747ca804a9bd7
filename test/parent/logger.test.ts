import { afterEach, expect, it, vi } from "vitest"
import { stderrLogger } from "../../src/parent/logger.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

it.each([
  [{ error: new Error("message") }, "slurm-flame error: pool error: message\n"],
  [{ error: "message" }, "slurm-flame error: pool error: message\n"],
  [{ runner: "r-1", error: new Error("m"), job: 7 }, "slurm-flame error: pool error: m runner=r-1 job=7\n"],
  [{ job: 7, error: new Error("m\n  hint: h") }, "slurm-flame error: pool error: m job=7\n  hint: h\n"],
  [{ why: new Error("m") }, "slurm-flame error: pool error why=m\n"],
  [{ error: undefined, a: 1 }, "slurm-flame error: pool error a=1\n"],
  [{}, "slurm-flame error: pool error\n"],
])("%o becomes a line", (fields, line) => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true)
  stderrLogger({}).error(fields, "pool error")
  expect(write.mock.calls).toEqual([[line]])
})

it.each([
  [undefined, ["warn", "error"]],
  ["debug", ["debug", "info", "warn", "error"]],
  ["silent", []],
])("SLURM_FLAME_LOG=%s", (level, expected) => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true)
  const logger = stderrLogger(level === undefined ? {} : { SLURM_FLAME_LOG: level })
  for (const name of ["debug", "info", "warn", "error"] as const) logger[name]({}, "x")
  expect(write.mock.calls).toEqual(expected.map(name => [`slurm-flame ${name}: x\n`]))
})
