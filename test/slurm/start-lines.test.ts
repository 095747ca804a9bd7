/** The lines that start a runner, run by real shells: who hears SIGTERM, what the epilogue sees, and how the script ends. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { describe, expect, onTestFinished, test } from "vitest"
import { composeScript } from "../../src/slurm/job-script.ts"
import type { StartForm } from "../../src/slurm/start-lines.ts"

/** Says that it is up and each SIGTERM it gets; ends with 7 at the second. */
const RUNNER = `
let heard = 0
process.on("SIGTERM", () => {
  console.log("term " + ++heard)
  if (heard === 2) process.exit(7)
})
console.log("up " + process.pid)
setInterval(() => {}, 1000)`

/** A script on disk that runs, and the lines it says. */
class Script {
  readonly said: string[] = []
  stderr = ""
  readonly ended: Promise<number | null>
  readonly #child: ChildProcessWithoutNullStreams
  #heard: () => void = () => {}
  #over = false

  constructor(shell: string, head: string, program: string, form: StartForm, env: Record<string, string> = {}) {
    const dir = mkdtempSync(join(tmpdir(), "flame-start-"))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    writeFileSync(join(dir, "runner.mjs"), program)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    const srun = '#!/bin/sh\necho "srun $*"\nwhile [ "${1#-}" != "$1" ]; do shift; done\n"$@"\n'
    // Shows how it was called, and runs the command once.
    writeFileSync(join(dir, "srun"), srun)
    chmodSync(join(dir, "srun"), 0o755)
    const text = composeScript(`#!${shell}\n${head}`, [process.execPath, join(dir, "runner.mjs")], form)
    writeFileSync(join(dir, "job.sh"), text)
    this.#child = spawn(shell, [join(dir, "job.sh")], {
      env: { PATH: `${dir}:${process.env.PATH}`, ...env },
      detached: true,
    })
    createInterface({ input: this.#child.stdout }).on("line", line => {
      this.said.push(line)
      this.#heard()
    })
    this.#child.stderr.setEncoding("utf8").on("data", text => {
      this.stderr += text
    })
    this.ended = new Promise(resolve =>
      this.#child.once("exit", code => {
        this.#over = true
        this.#endGroup() // a runner that it left behind would keep its stdout open
        this.#child.once("close", () => {
          this.#heard()
          resolve(code)
        })
      }),
    )
    onTestFinished(() => this.#endGroup())
  }

  /** The first line that begins so. */
  async line(start: string): Promise<string> {
    for (;;) {
      const found = this.said.find(line => line.startsWith(start))
      if (found) return found
      if (this.#over) throw new Error(`no line "${start}": ${[...this.said, this.stderr].join("\n")}`)
      await new Promise<void>(resolve => {
        this.#heard = resolve
      })
    }
  }

  #endGroup(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }

  /** To what reads the script's stdin. */
  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** To the shell alone, as Slurm does. */
  term(): void {
    this.#child.kill("SIGTERM")
  }
}

const EPILOGUE = 'code=$?\nfalse\necho "ended with $code" "$nothing_set"\n'

describe.each(["/bin/bash", "/bin/dash", "/bin/sh"].filter(existsSync))("%s", shell => {
  const start = (epilogue: string | undefined, head = "", program = RUNNER) =>
    new Script(shell, head, program, { tasks: 1, epilogue })

  test("without an epilogue the runner is the shell's process", async () => {
    const script = start(undefined)
    await script.line("up")
    script.term()
    await script.line("term 1")
    script.term()
    expect(await script.ended).toBe(7)
  })

  test.each(["", "set -e", "set -eu", "set -eu\ntrap 'echo mine' TERM"])(
    "the runner hears each SIGTERM at once, no second one ends the wait, and the epilogue has its code (%j)",
    async head => {
      const script = start(EPILOGUE.replace("$nothing_set", ""), head)
      await script.line("up")
      script.term()
      await script.line("term 1")
      script.term()
      expect(await script.ended).toBe(7)
      expect(script.said.slice(1)).toEqual(["term 1", "term 2", "ended with 7 "])
    },
  )

  test.each([
    ["ends well", "process.exit(0)", 0],
    ["ends with an error", "process.exit(3)", 3],
    ["is killed", 'process.kill(process.pid, "SIGKILL")', 137],
  ])("the epilogue runs when the runner %s", async (_, program, code) => {
    const script = start(EPILOGUE, "", program)
    expect(await script.ended).toBe(code)
    expect(script.said).toEqual([`ended with ${code} `])
  })

  test("a SIGTERM while the epilogue runs does not end it, nor what it runs", async () => {
    const script = start('echo "in it"\nline=$(head -n1)\necho "read $line"', "", "process.exit(5)")
    await script.line("in it")
    script.term()
    script.tell("all")
    expect(await script.ended).toBe(5)
    expect(script.said.at(-1)).toBe("read all")
  })

  test("what the epilogue exits with is the script's end", async () => {
    expect(await start("exit 9", "", "").ended).toBe(9)
  })

  test("runners of one job: the shell outlives SIGTERM, and ends with srun's code", async () => {
    const script = new Script(shell, "set -e", RUNNER, { tasks: 3, epilogue: EPILOGUE }, { SLURM_CPUS_PER_TASK: "2" })
    const pid = Number((await script.line("up")).split(" ")[1])
    script.term()
    process.kill(pid, "SIGTERM") // as Slurm does to the tasks
    await script.line("term 1")
    process.kill(pid, "SIGTERM")
    expect(await script.ended).toBe(7)
    expect(script.said[0]).toMatch(/^srun --ntasks=3 --kill-on-bad-exit=0 --wait=0 .* --cpus-per-task=2 \S*node/)
    expect(script.said.at(-1)).toBe("ended with 7 ")
  })
})
