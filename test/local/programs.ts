/** Small programs in place of the supervisor, and the jobs that run them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach } from "vitest"
import { type LocalOptions, local } from "../../src/local/backend.ts"
import type { Job, JobStatus, RunnerSpec } from "../../src/shared/backend.ts"

const jobs = new Set<Job>()
const dirs = new Set<string>()

afterEach(async () => {
  for (const job of jobs) {
    if (job.status.state !== "ended") process.kill(-pidOf(job), "SIGKILL")
    await job.ended()
  }
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
  jobs.clear()
  dirs.clear()
})

/** A program on disk: CommonJS, run by this node. */
export function program(text: string): RunnerSpec {
  const dir = mkdtempSync(join(tmpdir(), "flame-test-"))
  dirs.add(dir)
  const entry = join(dir, "main.cjs")
  writeFileSync(entry, text)
  return { runnerId: "r-1", pool: "p", entry, nodeArgs: [], secretEnv: {}, env: {} }
}

/** A running job that is killed after the test, whatever happens. */
export async function start(
  spec: RunnerSpec | string,
  options: LocalOptions = {},
  signal = new AbortController().signal,
): Promise<Job> {
  const job = await local(options).submit(typeof spec === "string" ? program(spec) : spec, signal)
  jobs.add(job)
  return job
}

/** The id of the job's main process. */
export function pidOf(job: Job): number {
  return Number(job.id.replace("local-", ""))
}

/** Resolves when the job has written `text` to stderr: it has come so far. */
export async function wrote(job: Job, text: string): Promise<string> {
  for (;;) {
    const tail = await job.stderrTail()
    if (tail.includes(text)) return tail
    if (job.status.state === "ended") throw new Error(`the job ended without writing ${text}: ${tail}`)
    await new Promise(resolve => setImmediate(resolve)) // the tail is filled by an event nobody outside hears
  }
}

/** How the job ended, without what differs from machine to machine. */
export const outcome = async (job: Job) => {
  const { evidence, ...status } = (await job.ended()) as JobStatus & { state: "ended" }
  return { ...status, exitCode: evidence.exitCode, signal: evidence.signal }
}

/** Ends a program that has set itself up. */
export const SAYS_READY = "process.stderr.write('ready\\n');"
/** Lives until it is asked to end. */
export const POLITE = "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1e6);"
/** Lives until it is killed for good. */
export const STUBBORN = `process.on('SIGTERM', () => process.stderr.write('no\\n')); setInterval(() => {}, 1e6); ${SAYS_READY}`
