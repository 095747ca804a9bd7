import { expect, it } from "vitest"
import { controllerWas } from "../../src/slurm/silence.ts"

const result = (stderr: string, exitCode: number | null, timedOut = false) => ({
  argv: [],
  signal: null,
  stdout: "",
  stderr,
  exitCode,
  timedOut,
})

it.each([
  ["sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", 1, "silent"],
  ["slurm_load_jobs error: Unable to contact slurm controller (connect failure)", 1, "silent"],
  ["scancel: error: Kill job error on job id 123: Unable to contact slurm controller (connect failure)", 8, "silent"],
  ["sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", 1, "silent"],
  ["slurm_load_jobs error: Zero Bytes were transmitted or received", 1, "silent"],
  ["sbatch: error: Batch job submission failed: Connection refused", 1, "silent"],
  ["sbatch: error: Batch job submission failed: Slurm backup controller in standby mode", 1, "silent"],
  ["sbatch: error: Batch job submission failed: Invalid partition name specified", 1, "answered"],
  ["sbatch: error: Batch job submission failed: Job violates accounting/QOS policy", 1, "answered"],
  ["slurm_load_jobs error: Invalid job id specified", 1, "answered"],
  ["", 0, "answered"],
  ["sbatch: unrecognized option '--xyzzy'", 255, "unknown"],
  ["", null, "unknown"],
])("%s (exit code %s): %s", (stderr, exitCode, was) => {
  expect(controllerWas(result(stderr, exitCode))).toBe(was)
})

it("a command that had to be ended was not answered", () => {
  expect(controllerWas(result("", null, true))).toBe("silent")
})
