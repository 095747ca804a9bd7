/** The groups cold-start, drain and cpu, each once as a user runs them: what is in their figures. No timing is looked at. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { STAGES } from "../../bench/suite/life/marks.ts"
import type { Figure, GroupReport, Report } from "../../bench/suite/report.ts"
import { Desk } from "../cli/command.ts"

const TIMEOUT_MS = 120_000
const OURS = "slurm-flame"

/** Runs one group to its end. */
async function measured(group: string): Promise<GroupReport> {
  const directory = mkdtempSync(path.join(tmpdir(), "flame-bench-"))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const json = path.join(directory, "report.json")
  const args = ["bench", "--quick", "--only", group, "--subjects", `${OURS},raw ws`, "--json", json]
  const { child, ended } = new Desk().start(args, { PATH: process.env.PATH! })
  onTestFinished(() => void child.kill("SIGKILL"))
  const { code, stderr } = await ended
  expect(code, stderr).toBe(0)
  const { groups, warnings } = JSON.parse(readFileSync(json, "utf8")) as Report
  expect(warnings.filter(words => /was left|were left/.test(words))).toEqual([])
  expect(groups.map(({ id }) => id)).toEqual([group])
  for (const { id, n, slices } of groups[0]!.figures) {
    expect([id, n > 0, Number.isInteger(n)]).toEqual([id, true, true])
    const values = slices.filter(value => value !== null)
    expect([id, values.length > 0 && values.every(Number.isFinite)]).toEqual([id, true]) // JSON makes null of what is no number
  }
  return groups[0]!
}

const of = (figures: readonly Figure[], subject: string) =>
  new Map(figures.filter(figure => figure.subject === subject).map(figure => [figure.id, figure]))

test(
  "a cold start is its stages, start by start",
  async () => {
    const { figures } = await measured("cold-start")
    const ours = of(figures, OURS)
    const stages = Object.keys(STAGES).filter(stage => stage !== "pending" && stage !== "exec") // nothing is scheduled here
    expect([...ours.keys()].sort()).toEqual(["total", ...stages].map(stage => `cold-start/${stage}`).sort())
    const total = ours.get("cold-start/total")!
    expect(total.slices).toHaveLength(3)
    for (const [round, whole] of total.slices.entries()) {
      const parts = stages.map(stage => ours.get(`cold-start/${stage}`)!.slices[round]!)
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(0)
      expect(parts.reduce((a, b) => a + b)).toBeCloseTo(whole!, 6)
      expect(parts.filter(part => part > 0).length).toBeGreaterThan(3) // the moments are those of this start
    }
    expect(of(figures, "node -e 0").has("cold-start/total")).toBe(true)
    expect(total.ratios!["node -e 0"]!.n).toBe(3)
  },
  TIMEOUT_MS,
)

test(
  "the end of a runner is measured idle, at work and without a drain, and nothing is left",
  async () => {
    const { figures } = await measured("drain")
    const ours = of(figures, OURS)
    expect([...ours.keys()]).toEqual([
      "drain/close",
      "drain/down",
      "drain/directory",
      "drain/close-busy",
      "drain/terminate",
    ])
    for (const [round, close] of ours.get("drain/close")!.slices.entries()) {
      expect(ours.get("drain/down")!.slices[round]).toBeLessThanOrEqual(close!)
      expect(ours.get("drain/directory")!.slices[round]).toBeLessThanOrEqual(close!)
    }
    expect(of(figures, "node -e 0").has("drain/close")).toBe(true)
  },
  TIMEOUT_MS,
)

test(
  "what a parent pays is measured for idle runners and for calls",
  async () => {
    const { figures } = await measured("cpu")
    const calls = ["cpu/calls", "cpu/calls-delay-p99", "cpu/gc"]
    expect([...of(figures, OURS).keys()]).toEqual(["cpu/idle", "cpu/idle-memory", "cpu/idle-delay-p99", ...calls])
    expect([...of(figures, "raw ws").keys()]).toEqual(calls)
    expect(of(figures, OURS).get("cpu/idle")!.n).toBe(300)
    expect(of(figures, OURS).get("cpu/calls")!.ratios!["raw ws"]!.n).toBe(3)
  },
  TIMEOUT_MS,
)
