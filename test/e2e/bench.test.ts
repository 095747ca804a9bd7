/** The benchmark suite as a user runs it: what it writes, and that nothing is left, however it ends. No timing is looked at. */
import { type ChildProcess, execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, onTestFinished, test } from "vitest"
import type { Report } from "../../bench/suite/report.ts"
import { madeUpReport } from "../bench/made-up-report.ts"
import { Desk, type Ended } from "../cli/command.ts"
import { eventually, isAlive } from "./helpers.ts"

const SUBJECTS = "raw ws,slurm-flame"

/** The command, where its report goes, and all processes below it. */
class Run {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly #json: string
  #said = ""

  constructor(args: readonly string[]) {
    const directory = mkdtempSync(path.join(tmpdir(), "flame-bench-"))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    this.#json = path.join(directory, "report.json")
    const { child, ended } = new Desk().start(["bench", "--json", this.#json, ...args], { PATH: process.env.PATH! })
    onTestFinished(() => void child.kill("SIGKILL"))
    child.stdout!.on("data", (text: string) => {
      this.#said += text
    })
    this.child = child
    this.ended = ended
  }

  /** Resolves when it has printed `words`. */
  said(words: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => this.#said.includes(words) && resolve()
      look()
      this.child.stdout!.on("data", look)
      this.ended.then(({ stderr }) => reject(new Error(`it ended without ${words}: ${stderr}`)), reject)
    })
  }

  report(): Report {
    return JSON.parse(readFileSync(this.#json, "utf8")) as Report
  }

  /** Of the command itself too. */
  processes(): { pid: number; args: string }[] {
    const all = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(line => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)!)
      .map(([, pid, ppid, args]) => ({ pid: Number(pid), ppid: Number(ppid), args: args! }))
    const below = (parent: number): typeof all =>
      all.filter(({ ppid }) => ppid === parent).flatMap(one => [one, ...below(one.pid)])
    return [...all.filter(({ pid }) => pid === this.child.pid), ...below(this.child.pid!)]
  }
}

async function allGone(processes: readonly { pid: number; args: string }[]): Promise<void> {
  for (const { pid, args } of processes) await eventually(() => !isAlive(pid), `the end of ${pid} (${args})`)
}

test("bench --quick --only small gives figures of each subject with ratios, and leaves no process", async () => {
  const run = new Run(["--quick", "--only", "small", "--subjects", SUBJECTS])
  await run.said("slurm-flame 0.")
  const processes = run.processes()
  const { code, stdout, stderr } = await run.ended
  expect(code, stderr).toBe(0)
  for (const line of stdout.split("\n").slice(2)) expect(line.length, line).toBeLessThanOrEqual(100)
  expect(stdout).toContain("small: Small calls, one at a time")

  const report = run.report()
  expect(report).toMatchObject({ schema: 1, about: { backend: "local", tls: true }, options: { quick: true } })
  expect(report.about.command).toContain(`bench --json`)
  expect(report.about.nodes.map(({ role, address }) => [role, address])).toEqual([
    ["parent", "127.0.0.1"],
    ["runner", "127.0.0.1"],
  ])
  expect(report.groups.map(({ id }) => id)).toEqual(["small"])
  const { figures, skipped } = report.groups[0]!
  expect(skipped).toEqual([])
  for (const subject of ["slurm-flame", "raw ws"]) {
    const find = (id: string) => figures.find(figure => figure.id === id && figure.subject === subject)!
    const p50 = find("small/p50")
    expect(p50.slices.length).toBe(3)
    expect(p50.n).toBeGreaterThan(3)
    expect(p50.histogram!.counts.reduce((a, b) => a + b)).toBe(p50.n)
    expect(p50.spread.n).toBe(3)
    expect(find("small/max").spread.max).toBe(p50.histogram!.max)
    expect(find("small/max").n).toBe(p50.n)
  }
  const ours = figures.find(({ id, subject }) => id === "small/p50" && subject === "slurm-flame")!
  expect(ours.ratios!["raw ws"]!.n).toBe(3)
  await allGone(processes)
})

test("a runner that is killed in the middle is told of; what was measured is written, and all else ends", async () => {
  const run = new Run(["--only", "small,rate", "--seconds-per-group", "1", "--subjects", SUBJECTS])
  await run.said("Small call, max") // the table of the first group is there, and the second has begun
  const processes = run.processes()
  const runner = processes.filter(({ args }) => /bin\/(supervisor|worker)\.js/.test(args))
  expect(runner.length).toBe(2)
  for (const { pid } of runner) process.kill(pid, "SIGKILL")
  const { code, stdout, stderr } = await run.ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/the run ended early: the runner .* was lost/)
  const { groups, warnings } = run.report()
  expect(groups[0]!.figures.length).toBeGreaterThan(0)
  expect(warnings.join()).toContain("was lost")
  expect(groups.length).toBe(2) // what there is of the second one, and why there is no more
  expect(groups[1]!.skipped.map(({ subject }) => subject)).toContain("slurm-flame")
  expect(stdout).toContain("rate: ")
  await allGone(processes)
})

test("a peer whose client is killed is left out of that group alone", async () => {
  const run = new Run(["--only", "small,rate,hol", "--quick", "--subjects", SUBJECTS])
  await run.said("Small call, max")
  // Ours was opened first.
  const [, peer] = run.processes().filter(({ args }) => args.includes("client-main.js"))
  process.kill(peer!.pid, "SIGKILL")
  const { code, stderr } = await run.ended
  expect(code, stderr).toBe(0)
  const [, rate, hol] = run.report().groups
  expect(rate!.skipped).toEqual([
    { subject: "raw ws", reason: expect.stringContaining("the client of raw ws ended (SIGKILL)") },
  ])
  expect(rate!.figures.map(({ subject }) => subject)).toContain("slurm-flame")
  expect(hol!.skipped).toEqual([])
  expect(hol!.figures.map(({ subject }) => subject)).toContain("raw ws")
})

test("before a group that has processes of its own the peers are ended, and for the next one they are opened anew", async () => {
  const run = new Run(["--only", "small,callbacks,cpu", "--quick", "--subjects", SUBJECTS])
  await run.said("Small call, max")
  const servers = () => run.processes().filter(({ args }) => args.includes("server-main.js"))
  const ended = run.said("callbacks: ").then(() => "the group was over")
  const seen = eventually(() => servers().length === 0, "the end of the servers").then(() => "ended")
  expect(await Promise.race([seen, ended])).toBe("ended")
  const { code, stderr } = await run.ended
  expect(code, stderr).toBe(0)
  const cpu = run.report().groups.find(({ id }) => id === "cpu")!
  expect(cpu.figures.some(({ id, subject }) => id === "cpu/calls" && subject === "raw ws")).toBe(true)
})

test("SIGINT ends everything, and what was measured is written", async () => {
  const run = new Run(["--only", "small,rate", "--seconds-per-group", "60", "--subjects", SUBJECTS])
  await run.said("slurm-flame 0.")
  await eventually(() => run.processes().some(({ args }) => args.includes("server-main.js")), "a server of a peer")
  const processes = run.processes()
  run.child.kill("SIGINT")
  expect((await run.ended).code).toBe(130)
  expect(run.report().warnings.join()).toContain("SIGINT")
  await allGone(processes)
})

test("a terminal that is gone ends everything, and what was measured is written", async () => {
  const run = new Run(["--only", "small", "--subjects", SUBJECTS])
  await run.said("this machine alone")
  const processes = run.processes()
  run.child.stdout!.destroy()
  run.child.stderr!.destroy()
  run.child.kill("SIGHUP")
  run.child.kill("SIGHUP") // the kernel's, and the shell's
  expect((await run.ended).signal).toBe("SIGHUP")
  expect(run.report().warnings.join()).toContain("SIGHUP")
  await allGone(processes)
})

test("a package of another's that leaves a timer behind keeps nothing from ending", async () => {
  const timer = "data:text/javascript,setInterval(()=>undefined,1e6)"
  const { code, stdout } = await new Desk().run(["bench", "--list"], { NODE_OPTIONS: `--import=${timer}` })
  expect([code, stdout]).toEqual([0, expect.stringContaining("subjects (--subjects)")])
})

test("--from without an output prints the tables, and takes no option that measures", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "flame-bench-"))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = path.join(directory, "report.json")
  const report = madeUpReport()
  writeFileSync(file, JSON.stringify(report))
  const bench = (...args: string[]) => new Desk().run(["bench", "--from", file, ...args])
  const { code, stdout } = await bench()
  expect(code).toBe(0)
  for (const { title } of report.groups) expect(stdout).toContain(title)
  const refused = await bench("--only", "small", "--quick", "--no-tls", "--html", path.join(directory, "x.html"))
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain("--from measures nothing: --quick, --only, --no-tls cannot be given with it")
  const full = await bench("--html", "/dev/full")
  expect([full.code, full.stderr]).toEqual([1, expect.stringMatching(/^error: --html \/dev\/full: ENOSPC[^\n]*\n$/)])
})

test("what makes no sense is a usage error that names what does", async () => {
  const { code, stderr } = await new Desk().run(["bench", "--only", "smal"])
  expect(code).toBe(2)
  expect(stderr).toContain('there is no group "smal"; there are: small')
})
