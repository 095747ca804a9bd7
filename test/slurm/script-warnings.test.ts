import { describe, expect, it } from "vitest"
import { scriptWarnings } from "../../src/slurm/script-warnings.ts"
import { PLAIN } from "../../src/slurm/start-lines.ts"

const WITH = { tasks: 1, epilogue: "true" }
const SHARED = { tasks: 4, epilogue: undefined }
const said = (lines: readonly string[], form = PLAIN as { tasks: number; epilogue: string | undefined }) =>
  scriptWarnings(["#!/bin/bash", ...lines, ""].join("\n"), form).map(({ line, what }) => `${line} ${what}`)

describe("scriptWarnings", () => {
  it.each<[string, string[], RegExp, { tasks: number; epilogue: string | undefined }?]>([
    ["a directive with a blank in it", ["# SBATCH --time=5"], /^2 is a comment to sbatch.*# SBATCH --time=5$/],
    ["one in small letters", ["#sbatch -n 1"], /^2 is a comment to sbatch/],
    ["another scheduler's", ["#PBS -l walltime=1"], /^2 .*sbatch may follow/],
    ["and another's", ["#BSUB -J x"], /^2 .*sbatch may follow/],
    ["a command behind the runner", ["{{runner}}", "", "# then", "cp a b"], /^5 never runs.*: cp a b$/],
    ["the same with an epilogue", ["{{runner}}", "cp a b"], /^3 never runs/, WITH],
    ["the same with a shared job", ["{{runner}}", "cp a b"], /^3 never runs/, SHARED],
    ["srun", ["srun {{runner}}"], /^2 puts srun between/],
    ["srun in the shell's place", ["exec srun -n1 {{runner}}"], /^2 puts srun between/],
    ["a child of the shell", ["apptainer exec a.sif {{runner}}"], /^2 starts the runner as a child/],
    ["a trap that is lost to exec", ["trap 'rm -r x' EXIT"], /^2 sets a trap that never runs/],
    ["the same by number", ["trap cleanup 0"], /^2 sets a trap that never runs/],
    ["a trap that is replaced", ["trap cleanup TERM"], /^2 sets a trap for SIGTERM that is replaced/, WITH],
  ])("finds %s", (_, lines, message, form) => {
    const found = said(lines, form)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(message)
  })

  it.each<[string, string[], { tasks: number; epilogue: string | undefined }?]>([
    ["nothing", []],
    ["a directive that is put out of use", ["##SBATCH --time=5", "# about SBATCH options"]],
    ["a runner at the end", ["true", "{{runner}}", "# done"]],
    ["a runner in a condition", ["if true; then", "  {{runner}}", "fi"]],
    ["a container in the shell's place", ["exec apptainer exec a.sif {{runner}}"]],
    ["a trap for the end that runs", ["trap 'rm -r x' EXIT"], WITH],
    ["a trap that exec forgets", ["trap '' TERM"]],
  ])("has nothing to say about %s", (_, lines, form) => {
    expect(said(lines, form)).toEqual([])
  })

  it("tells the lines from top to bottom", () => {
    expect(said(["trap x EXIT", "# SBATCH -n1"]).map(text => text[0])).toEqual(["2", "3"])
  })
})
