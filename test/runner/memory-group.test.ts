/** The kernel's count of what it killed, on made-up trees of files: real ones are in the cluster tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { MemoryGroup } from "../../src/runner/supervisor/memory-group.ts"

const MIB = 1024 ** 2
const V1 =
  "50 49 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n54 50 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
const V2 = "50 49 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
const UNLIMITED = "9223372036854771712\n"

/** A root directory with these files; `proc/cgroup` and `proc/mountinfo` among them. */
function tree(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), "slurm-flame-cgroup-"))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  return { write, group: () => new MemoryGroup(join(root, "proc"), root) }
}

const kills = (n: number) => `oom_kill_disable 0\nunder_oom 0\noom_kill ${n}\n`
const events = (n: number) => `low 0\nhigh 0\nmax 5\noom 1\noom_kill ${n}\noom_group_kill 0\n`

describe("version 1", () => {
  const step = "sys/fs/cgroup/memory/slurm/job_1/step_batch"
  const files = {
    "proc/mountinfo": V1,
    "proc/cgroup": "5:devices:/\n4:memory:/slurm/job_1/step_batch/task_0\n0::/\n",
    [`${step}/task_0/memory.oom_control`]: kills(2),
    [`${step}/task_0/memory.limit_in_bytes`]: UNLIMITED,
    [`${step}/memory.limit_in_bytes`]: `${300 * MIB}\n`,
    "sys/fs/cgroup/memory/slurm/job_1/memory.limit_in_bytes": `${400 * MIB}\n`,
  }

  it("tells a kill once it is counted, with the smallest limit around, and until it is marked", () => {
    const { write, group } = tree(files)
    const memory = group()
    expect(memory.killed()).toBeUndefined() // those were before
    write(`${step}/task_0/memory.oom_control`, kills(3))
    expect(memory.killed()).toEqual({ limit: 300 * MIB })
    memory.mark()
    expect(memory.killed()).toBeUndefined()
  })

  it("has no limit where there is none", () => {
    const { write, group } = tree({ ...files, [`${step}/memory.limit_in_bytes`]: UNLIMITED })
    write("sys/fs/cgroup/memory/slurm/job_1/memory.limit_in_bytes", UNLIMITED)
    const memory = group()
    write(`${step}/task_0/memory.oom_control`, kills(3))
    expect(memory.killed()).toEqual({ limit: null })
  })

  it("finds its way in a container, where the mount begins further down, and a mount hides another", () => {
    const { write, group } = tree({
      "proc/mountinfo": `54 50 0:32 /../.. /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n${V1.replace("0:32 /", "0:32 /box/7")}`,
      "proc/cgroup": "4:cpu,memory:/box/7/inner\n",
      "sys/fs/cgroup/memory/inner/memory.oom_control": kills(0),
    })
    const memory = group()
    write("sys/fs/cgroup/memory/inner/memory.oom_control", kills(1))
    expect(memory.killed()).toEqual({ limit: null })
  })
})

describe("version 2", () => {
  const job = "sys/fs/cgroup/system.slice/slurmstepd.scope/job_1"
  const cgroup = "0::/system.slice/slurmstepd.scope/job_1/step_batch/user/task_0\n"

  it("tells a kill, and where a group does not count itself, asks the one around it", () => {
    const { write, group } = tree({
      "proc/mountinfo": V2,
      "proc/cgroup": cgroup,
      [`${job}/step_batch/user/task_0/memory.max`]: "max\n",
      [`${job}/step_batch/memory.events`]: events(0),
      [`${job}/step_batch/memory.max`]: "max\n",
      [`${job}/memory.max`]: `${300 * MIB}\n`,
    })
    const memory = group()
    write(`${job}/step_batch/memory.events`, events(1))
    expect(memory.killed()).toEqual({ limit: 300 * MIB })
  })
})

describe("where there is nothing to be known", () => {
  it.each([
    ["no /proc", {}],
    ["no control groups", { "proc/mountinfo": "1 1 0:1 / / rw - ext4 /dev/sda rw\n", "proc/cgroup": "" }],
    ["no files", { "proc/mountinfo": V1 + V2, "proc/cgroup": "4:memory:/a\n0::/b\n" }],
  ])("(%s) nothing is claimed", (_, files) => {
    const memory = tree(files as Record<string, string>).group()
    memory.mark()
    expect(memory.killed()).toBeUndefined()
  })
})
