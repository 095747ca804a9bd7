/** `doctor --submit` against a Slurm of shell scripts that really run the job: the whole way but for the scheduler. */
import { existsSync, readFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { describe, expect, test, vi } from "vitest"
import { Desk } from "./command.ts"

const WAIT = { timeout: 15_000, interval: 20 }

/** Runs the script it is given in the background, as job 77 on the node "fake1". */
const SBATCH = `
/bin/cat > "$DESK/job.sh"
echo "$@" > "$DESK/sbatch.args"
SLURM_JOB_ID=77 SLURMD_NODENAME=fake1 /bin/sh "$DESK/job.sh" > "$DESK/job.log" 2>&1 < /dev/null &
echo $! > "$DESK/pid"
echo 77`

// The link is unreadable once the process is over, reaped or not.
const SQUEUE = `
if [ -e "/proc/$(/bin/cat "$DESK/pid")/exe" ]; then echo '77|RUNNING|N/A|N/A|fake1|77|cpu|None'
else echo '77|COMPLETED|N/A|N/A|fake1|77|cpu|None'; fi`

const SCONTROL = `
if [ "$1" = ping ]; then echo 'Slurmctld(primary) at head1 is UP'
else echo 'JobId=77 JobState=COMPLETED Reason=None ExitCode=0:0 BatchHost=fake1'; fi`

const SCANCEL = `
echo "$@" >> "$DESK/scancel.args"
[ -e "$DESK/pid" ] && kill "$(/bin/cat "$DESK/pid")"
exit 0`

/** The address must not depend on the machine that tests. */
const ENV = { SLURM_FLAME_HOST: "127.0.0.1" }

describe("doctor --submit", () => {
  test("runs a job, calls it, tells what it found, and leaves no job", async () => {
    const desk = new Desk()
    desk.slurm({ sbatch: SBATCH, squeue: SQUEUE, scontrol: SCONTROL, scancel: SCANCEL })
    const { code, document, check } = await desk.doctor(["--submit", "--partition", "cpu"], ENV)
    expect(check("job")).toMatchObject({
      ok: true,
      // The worker may be faster than those who know the node's name in Slurm.
      fact: expect.stringMatching(new RegExp(`^77 on (fake1|${hostname()}): .+ to submit and wait, .+ to boot$`)),
    })
    expect(check("job's node")?.fact).toContain(`runs Node ${process.versions.node}`)
    expect(check("sockets")?.fact).toBe("127.0.0.1 (runner) to 127.0.0.1 (here)")
    expect(check("first call")?.ms).toBeGreaterThan(0)
    expect(check("round trip")?.fact).toMatch(/in the middle of 100 calls/)
    expect(check("job ended")).toMatchObject({ ok: true, fact: expect.stringContaining("no job is left") })
    expect(document.ok).toBe(true)
    expect(code).toBe(0)
    const args = readFileSync(join(desk.root, "sbatch.args"), "utf8")
    expect(args).toContain("--partition=cpu")
    expect(args).toContain("--time=00:05:00")
  })

  test("uses the script, which keeps its own time limit", async () => {
    const desk = new Desk()
    desk.slurm({ sbatch: SBATCH, squeue: SQUEUE, scontrol: SCONTROL, scancel: SCANCEL })
    desk.program("my-job", "#SBATCH --time=00:20:00\nexport FROM_SCRIPT=1")
    const { code, check } = await desk.doctor(["--submit", "--script", join(desk.bin, "my-job")], ENV)
    expect(check("job")?.ok).toBe(true)
    expect(readFileSync(join(desk.root, "job.sh"), "utf8")).toMatch(/export FROM_SCRIPT=1\nexec .*supervisor\.js/)
    expect(readFileSync(join(desk.root, "sbatch.args"), "utf8")).not.toContain("--time")
    expect(code).toBe(0)
  })

  test("a job that sbatch refuses: its own words, and exit code 1", async () => {
    const desk = new Desk()
    desk.slurm({ sbatch: "echo 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1" })
    const { code, check, document } = await desk.doctor(["--submit"], ENV)
    expect(check("job")).toMatchObject({ ok: false, required: true, fact: expect.stringContaining("Invalid account") })
    expect(document.checks.at(-1)?.name).toBe("job")
    expect(code).toBe(1)
  })

  test("a job that dies while it boots: how, and what it said", async () => {
    const desk = new Desk()
    desk.slurm({
      sbatch: SBATCH.replace('/bin/sh "$DESK/job.sh"', "/bin/sh -c 'echo no such module >&2; exit 3'"),
      squeue: SQUEUE.replace("COMPLETED", "FAILED"),
      scontrol: SCONTROL.replace("COMPLETED", "FAILED").replace("0:0", "3:0"),
      scancel: SCANCEL,
    })
    const { code, check } = await desk.doctor(["--submit"], ENV)
    expect(check("job")).toMatchObject({ ok: false, fact: expect.stringMatching(/job 77.*exit code 3.*FAILED/s) })
    expect(check("job ended")?.ok).toBe(true)
    expect(code).toBe(1)
  })

  test("Ctrl-C while the job waits cancels it", async () => {
    const desk = new Desk()
    const asked = join(desk.root, "asked")
    desk.slurm({
      sbatch: "/bin/cat > /dev/null; echo 77",
      squeue: `echo '77|PENDING|N/A|N/A||77|cpu|Resources'; : > ${asked}`,
      scancel: SCANCEL,
    })
    const { child, ended } = desk.start(["doctor", "--submit"], ENV)
    await vi.waitFor(() => expect(existsSync(asked)).toBe(true), WAIT)
    child.kill("SIGINT")
    const { signal, stdout } = await ended
    expect(stdout).toContain("submitting a job")
    expect(signal).toBe("SIGINT")
    expect(readFileSync(join(desk.root, "scancel.args"), "utf8")).toBe("77\n")
  })
})
