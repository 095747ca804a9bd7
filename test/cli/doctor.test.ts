/** The built command as a process: exit codes, what it says without Slurm, with a Slurm that is ill, and with wrong addresses. */
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { VERSION } from "../../src/cli/manifest.ts"
import { Desk, MAIN, outcome } from "./command.ts"

const ESCAPE = String.fromCharCode(27)

describe("the command line", () => {
  test("--version prints the version of the package", async () => {
    expect(await new Desk().run(["--version"])).toEqual({ code: 0, signal: null, stdout: `${VERSION}\n`, stderr: "" })
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/)
  })

  test("--help names the command and its options, and ends well", async () => {
    const { code, stdout } = await new Desk().run(["doctor", "--help"])
    expect(code).toBe(0)
    for (const option of ["--json", "--interface", "--partition", "--script", "--submit"])
      expect(stdout).toContain(option)
  })

  test.each([
    ["no command", [], "Usage: slurm-flame"],
    ["a mistyped command", ["docter"], "Did you mean doctor?"],
    ["a mistyped option", ["doctor", "--jsn"], "Did you mean --json?"],
    ["a word too many", ["doctor", "now"], "too many arguments"],
    ["an option without its value", ["doctor", "--partition"], "argument missing"],
    ["a script that is not there", ["doctor", "--script", "/no/such.sh"], "/no/such.sh cannot be read"],
    ["an address for an interface", ["doctor", "--interface", "10.0.0.1"], "must be the name of a network interface"],
    ["an empty partition", ["doctor", "--partition", ""], "sbatch.partition"],
  ])("%s ends with 2 and says what is wrong", async (_, args, message) => {
    const { code, stdout, stderr } = await new Desk().run(args)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain("    at ") // no stack: it is the user's mistake, not ours
    expect(stdout).toBe("")
    expect(code).toBe(2)
  })

  test("a script that could not become a job ends with 2 and names the line", async () => {
    const desk = new Desk()
    const script = join(desk.root, "job.sh")
    writeFileSync(script, "#!/bin/bash\n#SBATCH --wait\n")
    const { code, stderr } = await desk.run(["doctor", "--script", script])
    expect(stderr).toMatch(/line 2.*--wait/s)
    expect(code).toBe(2)
  })
})

describe("without Slurm", () => {
  test("says that local() works and ends with 0", async () => {
    const { code, stdout, stderr } = await new Desk().run(["doctor"])
    expect(stderr).toBe("")
    expect(stdout).toMatch(/^note {2}slurm commands +not found: local\(\) works, slurm\(\) does not\n +-> /m)
    expect(stdout).toMatch(/^ok {4}local runner +local\(\) works: [\d.]+ ms/m)
    expect(stdout).not.toMatch(/^FAIL/m)
    expect(stdout).not.toContain(ESCAPE)
    expect(code).toBe(0)
  })

  test("--json gives one document of the promised shape", async () => {
    const { code, stderr, document } = await new Desk().doctor()
    expect(stderr).toBe("")
    expect(Object.keys(document)).toEqual(["version", "ok", "checks"])
    expect(document).toMatchObject({ version: VERSION, ok: true })
    const shape = { name: expect.any(String), fact: expect.any(String), ok: expect.any(Boolean) }
    for (const check of document.checks) {
      expect(check).toMatchObject({ ...shape, required: expect.any(Boolean) })
      expect(check.advice === null || typeof check.advice === "string").toBe(true)
      expect(check.ok || check.advice !== null, `${check.name} failed without advice`).toBe(true)
    }
    expect(document.checks.map(({ name }) => name)).toEqual([
      "node",
      "programs",
      "shared files",
      "esbuild",
      "slurm commands",
      "address",
      "listen and dial",
      "wrong key",
      "without TLS",
      "home",
      "cache",
      "job logs",
      "temp directory",
      "open files",
      "clock",
      "local runner",
    ])
    const timed = document.checks.filter(({ ms }) => ms !== undefined).map(({ name }) => name)
    expect(timed).toEqual(expect.arrayContaining(["listen and dial", "local runner"]))
    expect(code).toBe(0)
  })

  test.each([
    ["--submit", ["--submit"]],
    ["--partition", ["--partition", "gpu"]],
  ])("%s asks for Slurm, so its absence is a failure", async (_, args) => {
    const { code, document, check } = await new Desk().doctor(args)
    expect(check("slurm commands")).toMatchObject({ ok: false, required: true })
    expect(document.ok).toBe(false)
    expect(code).toBe(1)
  })
})

describe("with a Slurm", () => {
  test("that is well: version, controller and partitions", async () => {
    const desk = new Desk()
    desk.slurm()
    const { code, check } = await desk.doctor()
    expect(check("slurm commands")?.fact).toBe(`slurm 23.11.4: sbatch, squeue, scancel, scontrol in ${desk.bin}`)
    expect(check("controller")).toMatchObject({ ok: true, fact: "Slurmctld(primary) at head1 is UP" })
    expect(check("partitions")).toMatchObject({
      ok: true,
      fact: "cpu* (3 of 4 nodes idle, limit 2-00:00:00), gpu (down, 0 of 2 nodes idle, limit 1:00:00)",
    })
    expect(code).toBe(0)
  })

  test("of which one command is missing: that one is named", async () => {
    const desk = new Desk()
    desk.slurm()
    rmSync(join(desk.bin, "scancel"))
    const { code, check } = await desk.doctor()
    expect(check("slurm commands")).toMatchObject({
      ok: false,
      fact: "not found (scancel): local() works, slurm() does not",
    })
    expect(code).toBe(0)
  })

  test("without a configuration: the last words of the command, and what is likely", async () => {
    const desk = new Desk()
    desk.slurm()
    desk.program(
      "sbatch",
      "echo 'sbatch: error: how it got there' >&2; echo 'sbatch: fatal: no configuration' >&2; exit 1",
    )
    const { code, check } = await desk.doctor()
    expect(check("slurm commands")?.fact).toBe(
      "`sbatch` failed (exit code 1): sbatch: fatal: no configuration: local() works, slurm() does not",
    )
    expect(check("slurm commands")?.advice).toContain("SLURM_CONF")
    expect(check("controller")).toBeUndefined()
    expect(code).toBe(0)
  })

  test.each([
    ["says that it is down", "echo 'Slurmctld(primary) at head1 is DOWN'; exit 1", "head1 is DOWN"],
    ["says so with exit code 0", "echo 'Slurmctld(primary) at head1 is DOWN'", "head1 is DOWN"],
    ["cannot be asked", "echo 'scontrol: error: Connection refused' >&2; exit 1", "Connection refused"],
  ])("whose controller %s: fails, and says whom to ask", async (_, body, words) => {
    const desk = new Desk()
    desk.slurm({ scontrol: body })
    const { code, document, check } = await desk.doctor(["--submit"])
    expect(check("controller")).toMatchObject({ ok: false, required: true, fact: expect.stringContaining(words) })
    expect(check("controller")?.advice).toContain("slurmctld does not answer")
    expect(check("local runner")?.ok).toBe(true)
    expect(document.checks.at(-1)).toMatchObject({
      name: "job",
      ok: false,
      fact: expect.stringContaining("not submitted"),
    })
    expect(code).toBe(1)
  })

  test.each([
    ["cpu", 0, "cpu* (3 of 4 nodes idle, limit 2-00:00:00)"],
    ["gpu", 1, "gpu (down, 0 of 2 nodes idle, limit 1:00:00)"],
    ["cpi", 1, 'there is no partition "cpi", did you mean cpu?'],
  ])("--partition %s ends with %i", async (partition, expected, fact) => {
    const desk = new Desk()
    desk.slurm()
    const { code, check } = await desk.doctor(["--partition", partition])
    expect(check("partitions")?.fact).toBe(fact)
    expect(code).toBe(expected)
  })

  test("--submit submits nothing to a partition that takes no jobs", async () => {
    const desk = new Desk()
    desk.slurm({ sbatch: ': > "$DESK/submitted"; exit 1' })
    const { code, check } = await desk.doctor(["--submit", "--partition", "gpu"])
    expect(check("job")).toMatchObject({ ok: false, fact: expect.stringContaining("not submitted") })
    expect(existsSync(join(desk.root, "submitted"))).toBe(false)
    expect(code).toBe(1)
  })
})

describe("the address", () => {
  test.each([
    ["is empty", "", "SLURM_FLAME_HOST is empty"],
    ["holds more than addresses", "127.0.0.1 scope host lo", "holds 4 words, one of which is not an IP address"],
    ["is a name", "head1", 'is not an IP address: "head1"'],
    ["is another host's", "203.0.113.9", "is not an address of this machine"],
    ["is every network", "0.0.0.0", "would listen on every network"],
  ])("SLURM_FLAME_HOST %s: fails with what is wrong; local() works all the same", async (_, host, message) => {
    const { code, check } = await new Desk().doctor([], { SLURM_FLAME_HOST: host })
    expect(check("address")).toMatchObject({ ok: false, required: true, fact: expect.stringContaining(message) })
    expect(check("address")?.advice).toMatch(/lo 127\.0\.0\.1/)
    expect(check("address")?.fact).not.toContain("hint:")
    expect(check("local runner")?.ok).toBe(true)
    expect(code).toBe(1)
  })

  test("SLURM_FLAME_HOST, and the reason why it was chosen; the connection is tried there", async () => {
    const { code, check } = await new Desk().doctor([], { SLURM_FLAME_HOST: "127.0.0.1" })
    expect(check("address")).toMatchObject({ ok: true, fact: "127.0.0.1 (lo), from SLURM_FLAME_HOST" })
    expect(check("listen and dial")?.fact).toMatch(/^127\.0\.0\.1:\d+ from this machine, TLS 1\.3/)
    expect(check("wrong key")).toMatchObject({ ok: true, fact: expect.stringContaining("refused in the handshake") })
    expect(code).toBe(0)
  })

  test("--interface", async () => {
    const good = await new Desk().doctor(["--interface", "lo"])
    expect(good.check("address")).toMatchObject({ ok: true, fact: '127.0.0.1 (lo), from the interface "lo"' })
    const bad = await new Desk().doctor(["--interface", "ib7"])
    expect(bad.check("address")).toMatchObject({ ok: false, fact: expect.stringContaining('"ib7" does not exist') })
    expect([good.code, bad.code]).toEqual([0, 1])
  })

  test("several addresses: all are named and tried, in their order; one that is not there is a note", async () => {
    const both = await new Desk().doctor([], { SLURM_FLAME_HOST: "127.0.0.1,127.0.0.2" })
    expect(both.check("address")).toMatchObject({
      ok: true,
      fact: expect.stringMatching(/^127\.0\.0\.1 \(lo\), then 127\.0\.0\.2 \(.*\), from SLURM_FLAME_HOST$/),
    })
    expect(both.check("listen and dial")?.fact).toMatch(/^127\.0\.0\.1:\d+ from .*; 127\.0\.0\.2:\d+ from /)
    const one = await new Desk().doctor(["--interface", "ib7,lo"])
    expect(one.check("address")).toMatchObject({
      ok: false,
      required: false,
      fact: expect.stringMatching(/^127\.0\.0\.1 \(lo\), from .*"ib7", "lo"; left out: .*"ib7" does not exist/),
    })
    expect([both.code, one.code]).toEqual([0, 0])
  })
})

describe("this host", () => {
  test("a TMPDIR that cannot be written to: no runner can start, and both say so", async () => {
    const { code, check } = await new Desk().doctor([], { TMPDIR: "/dev/null" })
    expect(check("temp directory")).toMatchObject({ ok: false, required: true })
    expect(check("local runner")).toMatchObject({ ok: false, required: true })
    expect(check("local runner")?.fact).toContain("temporary directory")
    expect(code).toBe(1)
  })

  test("a directory for logs that cannot be made is a note, and a failure where there is Slurm", async () => {
    const desk = new Desk()
    const env = { XDG_STATE_HOME: "/dev/null" }
    const without = await desk.doctor([], env)
    expect(without.check("job logs")).toMatchObject({ ok: false, required: false })
    expect(without.check("job logs")?.advice).toContain("XDG_STATE_HOME")
    desk.slurm()
    const withSlurm = await desk.doctor([], env)
    expect(withSlurm.check("job logs")).toMatchObject({ ok: false, required: true })
    expect([without.code, withSlurm.code]).toEqual([0, 1])
  })

  test("leaves nothing in the home", async () => {
    const desk = new Desk()
    await desk.doctor()
    expect(readdirSync(join(desk.root, "home"))).toEqual([])
  })
})

describe("the output", () => {
  // util-linux; on every Linux that has a login.
  const script = "/usr/bin/script"

  test.skipIf(!existsSync(script))("has colour on a terminal, and none where NO_COLOR is set", async () => {
    const onTerminal = (env: Record<string, string>) =>
      outcome(
        spawn(script, ["-qec", `'${process.execPath}' '${MAIN}' doctor`, "/dev/null"], {
          env: { ...new Desk().env, SHELL: "/bin/sh", TERM: "xterm", ...env },
        }),
      )
    const [colour, plain] = [await onTerminal({}), await onTerminal({ NO_COLOR: "1" })]
    expect(colour.stdout).toContain(`${ESCAPE}[32mok${ESCAPE}[39m`)
    expect(plain.stdout).toMatch(/^ok {4}node/m)
    expect(plain.stdout).not.toContain(ESCAPE)
  })

  test("a reader that leaves after the first line is no error", async () => {
    const { child, ended } = new Desk().start(["doctor"])
    child.stdout!.once("data", () => child.stdout!.destroy())
    expect(await ended).toMatchObject({ code: 0, stderr: "" })
  })
})

test("this package's command is executable", () => {
  expect(readFileSync(MAIN, "utf8").startsWith("#!/usr/bin/env node\n")).toBe(true)
})
