import { expect, it } from "vitest"
import { jobWords } from "../../src/slurm/task-ranges.ts"

it.each([
  [["7"], ["7"]],
  [["12_3"], ["12_3"]],
  [
    ["12_3", "12_1", "12_2", "12_9", "7", "12_11", "12_10", "7"],
    ["7", "12_[1-3,9-11]"],
  ],
  [
    ["12_0", "13_0", "12_2"],
    ["12_[0,2]", "13_0"],
  ],
  [
    ["12+1", "12_[0-3]"],
    ["12+1", "12_[0-3]"],
  ], // what we do not make ourselves stays as it is
])("%j in as few words as possible", (ids, words) => {
  const made = jobWords(ids)
  expect(made.map(({ word }) => word)).toEqual(words)
  expect(made.flatMap(one => one.ids).sort()).toEqual([...new Set(ids)].sort())
})

it("takes one word for all tasks of an array", () => {
  expect(jobWords(Array.from({ length: 1_000 }, (_, i) => `1234_${i}`))).toMatchObject([{ word: "1234_[0-999]" }])
})
