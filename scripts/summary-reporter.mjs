/**
 * A vitest reporter for `scripts/test.mjs`: the true counts of one run, as JSON in the file SLURM_FLAME_TEST_SUMMARY.
 * Vitest's own JSON leaves out what must not be lost here: errors outside of any test, and why a test was skipped.
 */
import { writeFileSync } from "node:fs"

export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    const summary = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] }
    const fail = text => {
      summary.failed++
      summary.failures.push(text)
    }
    for (const module of modules) {
      const place = `${module.project.name} ${module.relativeModuleId}`
      for (const test of module.children.allTests()) {
        const result = test.result()
        const name = `${place} > ${test.fullName}`
        if (result.state === "passed") summary.passed++
        else if (result.state === "failed") fail(name)
        else if (result.state === "pending") fail(`${name} (never ended)`)
        else {
          summary.skipped++
          summary.skips.push({ place, suite: suiteOf(test), reason: result.note ?? null })
        }
      }
      // A file that cannot be imported, and a hook that throws, fail without failing a test.
      for (const owner of [module, ...module.children.allSuites()]) {
        for (const error of owner.errors()) fail(`${place}: ${firstLine(error)}`)
      }
    }
    for (const error of unhandledErrors) fail(`unhandled: ${firstLine(error)}`)
    if (reason === "interrupted") fail("the run was interrupted")
    writeFileSync(process.env.SLURM_FLAME_TEST_SUMMARY, JSON.stringify(summary))
  }
}

/** The outermost describe around a test, or its own name. */
function suiteOf(test) {
  let node = test
  while (node.parent.type === "suite") node = node.parent
  return node.name
}

function firstLine(error) {
  return `${error.name ?? "Error"}: ${String(error.message ?? error).split("\n")[0]}`
}
