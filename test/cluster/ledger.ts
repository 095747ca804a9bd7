/** Slurm's commands with a book of what was asked: one line when a command begins, one when it ends. Knows nothing of who asks. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export class Ledger {
  readonly #dir = mkdtempSync("/home/flame/ledger-")
  readonly #book = join(this.#dir, "book")
  /** A search path that finds these commands first. */
  readonly PATH: string

  constructor() {
    const bin = join(this.#dir, "bin")
    this.PATH = `${bin}:${process.env.PATH}`
    mkdirSync(bin)
    writeFileSync(this.#book, "")
    chmodSync(this.#book, 0o666)
    chmodSync(this.#dir, 0o755)
    for (const program of ["sbatch", "squeue", "scancel", "scontrol"]) {
      // A controller that takes its time: two polls, if there were two, would be seen to overlap.
      const pause = program === "squeue" ? "sleep 0.4\n" : ""
      const script = `#!/bin/sh\necho "${program} begins $*" >>${this.#book}\n${pause}/usr/bin/${program} "$@"\ncode=$?\necho "${program} ends" >>${this.#book}\nexit $code\n`
      writeFileSync(join(bin, program), script, { mode: 0o755 })
    }
  }

  /** `<program> begins <arguments>` and `<program> ends`, in the order of time. */
  lines(program: string): string[] {
    return readFileSync(this.#book, "utf8")
      .split("\n")
      .filter(line => line.startsWith(`${program} `))
  }

  /** The arguments of each call. */
  calls(program: string): string[] {
    const start = `${program} begins `
    return this.lines(program).flatMap(line => (line.startsWith(start) ? [line.slice(start.length)] : []))
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true })
  }
}
