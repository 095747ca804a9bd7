/** The benchmark suite between the login node and a Slurm job: one job serves all subjects, and nothing is left of it. */
import { readFileSync, writeFileSync } from "node:fs"
import { afterEach, expect, test } from "vitest"
import type { Report } from "../../bench/suite/report.ts"
import { APP, endPrograms, LOGIN_ADDRESS, NODES, nodeAddress, noJobsLeft, onCluster, runAs } from "./harness.ts"

const JOB = `#!/bin/bash
#SBATCH --time=10:00
export SLURM_FLAME_HOST=$(ip -f inet addr show ib0 | awk '/inet/ {print $2}' | cut -d/ -f1)
`

onCluster("slurm-flame bench on Slurm", () => {
  afterEach(endPrograms)

  test("measures ours and the bare wire between the login node and the job's, over the address in use", async () => {
    writeFileSync(`${APP}/bench-job.sh`, JOB)
    const words = ["--slurm-job", `${APP}/bench-job.sh`, "--quick", "--only", "small,bandwidth"]
    const subjects = ["--subjects", "slurm-flame,raw TCP,raw ws", "--json", "/home/flame/bench.json"]
    const argv = [`${APP}/node_modules/.bin/slurm-flame`, "bench", ...words, ...subjects]
    const { code, stdout, stderr } = await runAs("flame", argv, { env: { SLURM_FLAME_HOST: LOGIN_ADDRESS } })
    expect(code, stdout + stderr).toBe(0)

    const { about, groups } = JSON.parse(readFileSync("/home/flame/bench.json", "utf8")) as Report
    expect(about.backend).toBe("slurm")
    const [parent, runner] = about.nodes
    expect(parent).toMatchObject({ role: "parent", address: LOGIN_ADDRESS })
    expect(NODES.map(nodeAddress)).toContain(runner!.address)
    expect(NODES).toContain(runner!.name)
    expect(groups.map(({ id, skipped }) => ({ id, skipped }))).toEqual([
      { id: "small", skipped: [] },
      { id: "bandwidth", skipped: [] },
    ])
    for (const { id, figures } of groups) {
      const ours = figures.filter(({ subject, ratios }) => subject === "slurm-flame" && ratios)
      expect(ours.length, id).toBeGreaterThan(0)
      for (const { ratios } of ours) expect(Object.keys(ratios!).sort()).toEqual(["raw TCP", "raw ws"])
    }
    await noJobsLeft()
  })
})
