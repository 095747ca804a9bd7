import { existsSync, statSync } from "node:fs"
import { expect, test } from "vitest"
import { TmpDir } from "../../src/runner/tmp-dir.ts"

test("a runner's directory is its user's alone, new each time, and gone when it is removed, twice if need be", () => {
  const [one, two] = [new TmpDir("r-1"), new TmpDir("r-1")]
  expect(one.path).not.toBe(two.path)
  for (const dir of [one, two]) {
    expect(statSync(dir.path).mode & 0o777).toBe(0o700)
    dir.remove()
    dir.remove()
    expect(existsSync(dir.path)).toBe(false)
  }
})
