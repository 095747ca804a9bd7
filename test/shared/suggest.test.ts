import { describe, expect, it } from "vitest"
import { missingExport } from "../../src/shared/missing-export.ts"
import { suggest } from "../../src/shared/suggest.ts"

describe("suggest", () => {
  const known = ["train", "losses", "maxConcurrency", "min", "max"]
  it.each([
    ["trian", "train"],
    ["Train", "train"],
    ["max_concurrency", "maxConcurrency"],
    ["max-concurency", "maxConcurrency"],
    ["loses", "losses"],
    ["mix", "min"], // the first of two that are equally near
    ["quantise", undefined],
    ["evaluate", undefined],
  ])("for %s: %s", (word, meant) => {
    expect(suggest(word, known)).toBe(meant)
  })

  it("has nothing to say where nothing is known", () => {
    expect(suggest("train", [])).toBeUndefined()
  })
})

describe("missingExport", () => {
  it("names what was meant and what there is", () => {
    const error = missingExport(["train", "models.load"], ["models", "laod"])
    expect(error).toMatchObject({ name: "NoExportError", code: "ERR_FLAME_NO_EXPORT", retryable: true })
    expect(error.message).toMatch(/no function or data "models\.laod"\. Did you mean "models\.load"\?/)
    expect(error.hint).toBe("it exports: train, models.load")
  })

  it("says what to do with a module that exports nothing", () => {
    expect(missingExport([], ["train"]).hint).toMatch(/exports nothing: add `export`/)
  })

  it("tells who calls a class what to export instead", () => {
    expect(missingExport(["train"], ["Model"]).hint).toMatch(/if it is a class, export .*proxy\(new Model\(\)\)/)
    expect(missingExport(["train"], ["MAX"]).hint).not.toMatch(/class/)
  })
})
