import { expect, test } from "vitest"
import { parseOptions, UsageError } from "../../examples/train/options.ts"
import { describeConfig, GRID_SIZE, grid, randomSearch } from "../../examples/train/search.ts"
import { percent, plural, sparkline, tableLines } from "../../examples/train/table.ts"

test("without arguments: twelve configurations on local runners, no more than cores or four", () => {
  const options = parseOptions([])
  expect(options).toMatchObject({ backend: "local", configs: 12, epochs: 6, seed: 1, help: false })
  expect(options.runners).toBeGreaterThanOrEqual(1)
  expect(options.runners).toBeLessThanOrEqual(4)
})

test("arguments are taken", () => {
  const argv = "--backend slurm --runners 3 --configs 5 --partition gpu,cpu --time 1-00:00:00 --epochs 2 --seed 7"
  expect(parseOptions(argv.split(" "))).toEqual({
    backend: "slurm",
    runners: 3,
    configs: 5,
    epochs: 2,
    seed: 7,
    partition: "gpu,cpu",
    time: "1-00:00:00",
    script: undefined,
    help: false,
  })
})

test.each([
  [["--runner", "3"], /--runner/],
  [["--runners", "0"], /--runners is a whole number from 1 to 1000, not "0"/],
  [["--runners", "2.5"], /--runners is a whole number/],
  [["--configs", "82"], /--configs is a whole number from 1 to 81/],
  [["--backend", "pbs"], /--backend is local or slurm, not "pbs"/],
  [["--partition", "cpu"], /--partition needs --backend slurm/],
  [["--backend", "slurm", "--script", "job.sh", "--time", "5"], /--time belongs into the #SBATCH lines/],
  [["--backend", "slurm", "--partition", "cpu\n#SBATCH --uid=0"], /--partition is not a partition/],
  [["stray"], /stray/],
])("%j is refused, naming the option", (argv, message) => {
  expect(() => parseOptions(argv)).toThrow(UsageError)
  expect(() => parseOptions(argv)).toThrow(message)
})

test("a search tries different points of the grid, the same ones for the same seed", () => {
  expect(grid()).toHaveLength(GRID_SIZE)
  const configs = randomSearch(12, { epochs: 3, seed: 1 })
  expect(new Set(configs.map(describeConfig)).size).toBe(12)
  expect(configs.every(({ epochs, seed }) => epochs === 3 && seed === 1)).toBe(true)
  expect(randomSearch(12, { epochs: 3, seed: 1 })).toEqual(configs)
  expect(randomSearch(12, { epochs: 3, seed: 2 }).map(describeConfig)).not.toEqual(configs.map(describeConfig))
})

test("a table's columns are as wide as what is in them", () => {
  const rows = [
    { name: "a", score: 0.5 },
    { name: "long name", score: 0.941 },
  ]
  const lines = tableLines(rows, [
    { title: "name", value: row => row.name },
    { title: "score", align: "right", value: row => percent(row.score) },
  ])
  expect(lines).toEqual(["name        score", "─────────  ──────", "a          50.0 %", "long name  94.1 %"])
})

test("a curve in one line", () => {
  expect(sparkline([2, 1, 0])).toBe("█▅▁")
  expect(sparkline([])).toBe("")
  expect([plural(1, "runner"), plural(2, "runner")]).toEqual(["1 runner", "2 runners"])
})
