/**
 * `npm test`: everything, on every supported Node. Makes the checkout ready, runs all suites on this Node and those of
 * the wire and of whole programs on the other majors, and ends with one line of true totals.
 *
 *   node scripts/test.mjs [--quick] [vitest filters and options]
 *
 * `--quick`: this Node only, without the cluster. Filters (`test/slurm`, `-t name`) imply this Node only.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { ensure, ROOT, SetupError } from "./ensure.mjs"
import { MAJORS, nodeBinary, OWN_MAJOR } from "./nodes.mjs"

const ALL_PROJECTS = ["unit", "types", "e2e", "cluster"]

/**
 * What must also pass on the other majors: sockets and garbage collection are where they differ. The benchmark suite uses the library as
 * other programs there do, and takes long.
 */
const PORTABLE = { projects: ["unit", "e2e"], filters: ["test/transport/", "test/e2e/"], exclude: "test/e2e/bench*" }

const args = process.argv.slice(2)
const quick = args.includes("--quick")
const filters = args.filter(arg => arg !== "--quick")

// Ctrl-C reaches vitest by itself, which then tidies up; a signal to this process alone is handed on.
let stopped
const running = new Set()
process.on("SIGINT", () => {
  stopped = "SIGINT"
})
process.on("SIGTERM", () => {
  stopped = "SIGTERM"
  for (const child of running) child.kill("SIGTERM")
})

const results = []
try {
  await ensure()
  await runAll()
} catch (error) {
  const text = error instanceof SetupError ? error.message : String(error.stack)
  results.push({ label: "set-up", ...failure(text), seconds: 0 })
}
process.exitCode = report()

async function runAll() {
  const own = { path: process.execPath, version: process.versions.node }
  if (quick || filters.length > 0) {
    const projects = quick ? ALL_PROJECTS.filter(name => name !== "cluster") : ALL_PROJECTS
    results.push(await vitest(own, { projects, filters }))
    return
  }
  // The cluster tests wait for Slurm and for real time limits most of the time: all else has the machine meanwhile.
  const cluster = vitest(own, { projects: ["cluster"], aside: true })
  results.push(await vitest(own, { projects: ALL_PROJECTS.filter(name => name !== "cluster") }))
  results.push(...(await onOtherMajors()))
  results.push(await cluster)
}

/** One after the other; what each says is printed when it is over, since something else is printing meanwhile. */
async function onOtherMajors() {
  const all = []
  for (const major of MAJORS.filter(major => major !== OWN_MAJOR)) {
    if (stopped) break
    const node = nodeBinary(major)
    if (node.path) all.push(await vitest(node, { ...PORTABLE, aside: true }))
    else all.push({ label: `node ${major}`, ...skip(node.unavailable), seconds: 0 })
  }
  return all
}

/**
 * One run of vitest on one Node. Resolves with its counts; whatever goes wrong with vitest itself counts as a failure. `aside`: its
 * output comes in one piece at the end.
 */
async function vitest(node, { projects, filters = [], exclude, aside = false }) {
  const label = `node ${node.version} (${projects.join(", ")}${filters.length > 0 ? `: ${filters.join(" ")}` : ""})`
  const title = `\n=== ${label}\n`
  if (!aside) process.stdout.write(title)
  const scratch = mkdtempSync(path.join(tmpdir(), "slurm-flame-test-"))
  const summary = path.join(scratch, "summary.json")
  const started = performance.now()
  const argv = [
    path.join(ROOT, "node_modules/vitest/vitest.mjs"),
    "run",
    ...projects.flatMap(name => ["--project", name]),
    "--reporter=default",
    `--reporter=${path.join(ROOT, "scripts/summary-reporter.mjs")}`,
    ...(exclude ? ["--exclude", exclude] : []),
    ...filters,
  ]
  const output = []
  // The Node under test first on PATH, for tests that start `node` by name.
  const PATH = `${path.dirname(node.path)}${path.delimiter}${process.env.PATH ?? ""}`
  const ended = await new Promise(resolve => {
    const child = spawn(node.path, argv, {
      cwd: ROOT,
      stdio: aside ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
      env: { ...process.env, PATH, SLURM_FLAME_TEST_SUMMARY: summary },
    })
    running.add(child)
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", chunk => output.push(chunk))
    child.on("error", error => resolve(error.message))
    child.on("close", (code, signal) => {
      running.delete(child)
      resolve(signal ?? code)
    })
  })
  if (aside) process.stdout.write(`${title}${Buffer.concat(output)}`)
  const seconds = (performance.now() - started) / 1_000
  const counts = existsSync(summary) ? JSON.parse(readFileSync(summary, "utf8")) : zero()
  rmSync(scratch, { recursive: true, force: true })

  if (counts.passed + counts.failed + counts.skipped === 0)
    add(counts, failure(`vitest ended (${ended}) and ran no test`))
  else if (ended !== 0 && counts.failed === 0) add(counts, failure(`vitest ended with ${ended}, though no test failed`))
  return { label, ...counts, seconds }
}

/** Prints one line a run, every failure and every reason to skip, and the totals last; returns the exit code. */
function report() {
  const total = zero()
  process.stdout.write("\n")
  for (const run of results) {
    add(total, run)
    process.stdout.write(`${run.label}: ${line(run)} in ${Math.round(run.seconds)} s\n`)
  }
  if (stopped) add(total, failure(`stopped by ${stopped}`))
  if (total.passed === 0 && total.failed === 0) add(total, failure("no test ran"))
  for (const { text, count } of tally(total.failures)) process.stdout.write(`failed: ${text}${times(count)}\n`)
  const reasons = total.skips.map(({ place, suite, reason }) => `${place}: ${reason ?? `"${suite}" gives no reason`}`)
  for (const { text, count } of tally(reasons)) process.stdout.write(`skipped: ${text}${times(count)}\n`)
  process.stdout.write(`${line(total)}\n`)
  return total.failed === 0 ? 0 : 1
}

function zero() {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] }
}

function failure(text) {
  return { ...zero(), failed: 1, failures: [text] }
}

function skip(reason) {
  return { ...zero(), skipped: 1, skips: [{ place: "other Node versions", suite: "", reason }] }
}

function add(counts, more) {
  for (const key of ["passed", "failed", "skipped"]) counts[key] += more[key]
  counts.failures.push(...more.failures)
  counts.skips.push(...more.skips)
}

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`
}

function tally(texts) {
  const counts = new Map()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].map(([text, count]) => ({ text, count }))
}

function times(count) {
  return count > 1 ? ` (${count} times)` : ""
}
