/** What is said while the suite runs: on a terminal in one line, elsewhere in a line for each change; a job that waits says so everywhere. */
import { EventEmitter } from "node:events"
import { PassThrough } from "node:stream"
import { expect, test } from "vitest"
import type { Report } from "../../bench/suite/report.ts"
import { Terminal } from "../../bench/suite/terminal.ts"
import { tellWait, waitingWords } from "../../bench/suite/wait.ts"

function screen() {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const said = (stream: PassThrough) =>
    String(stream.read() ?? "")
      .split("\n")
      .slice(0, -1)
  return { terminal: new Terminal(out, err), out: () => said(out), err: () => said(err) }
}

test("where stderr is no terminal each stage has one line, and its rounds have none", () => {
  const { terminal, err } = screen()
  for (const words of ["waiting for a runner", "small: warming up", "small: round 1", "small: round 2", "size: 1 byte"])
    terminal.progress(words)
  expect(err()).toEqual(["waiting for a runner", "small: warming up", "size: 1 byte"])
})

test("who is not installed is told once, at the end", () => {
  const { terminal, out } = screen()
  const skipped = [
    { subject: "piscina", reason: "not installed: piscina (slurm-flame bench --install-peers)" },
    { subject: "Erlang erpc", reason: "not installed: erl" },
  ]
  const group = { id: "x", title: "X", how: "", figures: [], skipped, seconds: 1 }
  terminal.group(group)
  terminal.end({ groups: [group, group], warnings: [], seconds: 2 } as unknown as Report)
  expect(out().filter(line => /installed/.test(line))).toEqual([
    "not installed, which slurm-flame bench --install-peers does: piscina",
    "not installed: Erlang erpc (erl)",
  ])
})

test("a job that waits is told with its id, Slurm's reason, the expected start and the limit, and again at each change", () => {
  const pool = new EventEmitter()
  const told: string[] = []
  tellWait(pool as never, 600_000, ({ news, job }) => told.push(`${job}: ${news}`))
  const pending = { reason: "Resources", expectedStart: undefined, hint: undefined }
  pool.emit("runner:pending", { jobId: "12", pending })
  pool.emit("runner:pending", { jobId: "12", pending })
  pool.emit("runner:pending", { jobId: "12", pending: { ...pending, expectedStart: new Date("2026-11-23T08:00:00Z") } })
  pool.emit("runner:up", { jobId: "12", node: "n1" })
  expect(told).toEqual([
    "12: job 12 waits: Resources; Slurm has not said when it is to start; it may wait and boot for 600 s (bootTimeout, which the suite sets)",
    "12: job 12 waits: Resources; Slurm expects it to start at 2026-11-23 08:00:00Z",
    "12: job 12 runs on n1",
  ])
  expect(waitingWords({ jobId: undefined, pending: { ...pending, reason: undefined } })).toContain("no reason")
})
