/**
 * Runs the built command as a user would, with an environment of its own. Owns the child process and the fake Slurm commands
 * on its PATH: shell scripts that say what a test tells them to.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"
import type { CheckResult } from "../../src/cli/check.ts"

export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A home of the test's own, and a `bin` that is the whole PATH. Deleted with the test. */
export class Desk {
  readonly root = mkdtempSync(join(tmpdir(), "flame-cli-"))
  readonly bin = join(this.root, "bin")

  constructor() {
    mkdirSync(this.bin)
    mkdirSync(join(this.root, "home"))
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true, maxRetries: 5 }))
  }

  get env(): Record<string, string> {
    return { HOME: join(this.root, "home"), PATH: this.bin, LANG: "C.UTF-8", DESK: this.root }
  }

  /** Puts a program on PATH. The body is a POSIX shell's; `$DESK` is the directory of the test. */
  program(name: string, body: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }

  /** A Slurm that is well: 23.11, one partition that is up and one that is down. Each program also takes `bodies`. */
  slurm(bodies: Partial<Record<"sbatch" | "squeue" | "scancel" | "scontrol" | "sinfo", string>> = {}): void {
    const usual = {
      sbatch: "exit 1",
      squeue: "exit 0",
      scancel: "exit 0",
      scontrol: "echo 'Slurmctld(primary) at head1 is UP'",
      sinfo: "echo 'cpu*|up|2-00:00:00|1/3/0/4'; echo 'gpu|down|1:00:00|0/0/2/2'",
    }
    for (const [name, body] of Object.entries({ ...usual, ...bodies })) {
      this.program(name, `[ "$1" = --version ] && { echo 'slurm 23.11.4'; exit 0; }\n${body}`)
    }
  }

  start(args: readonly string[], env: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Ended> } {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...this.env, ...env }, stdio: "pipe" })
    return { child, ended: outcome(child) }
  }

  run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    return this.start(args, env).ended
  }

  /** `doctor --json`, read. */
  async doctor(args: readonly string[] = [], env: Record<string, string> = {}) {
    const { code, stdout, stderr } = await this.run(["doctor", "--json", ...args], env)
    if (stdout === "") throw new Error(`no document: ${stderr}`)
    const document = JSON.parse(stdout) as { version: string; ok: boolean; checks: CheckResult[] }
    const check = (name: string) => document.checks.find(one => one.name === name)
    return { code, stderr, document, check }
  }
}

/** How a child ends, with all that it said. */
export function outcome(child: ChildProcess): Promise<Ended> {
  const said = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      said[name] += text
    })
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => resolve({ code, signal, ...said }))
  })
}
