/** The stages of a start: their names, and which moment that somebody saw ends each. Owns the clocks' conversion; asks nobody. */
import type { RunnerInfo } from "slurm-flame"
import type { OwnStart } from "../modules/lived.ts"
import type { Mark } from "./stages.ts"

/** The stage that ends with the first result. */
export const LAST = "first-call"

/** The stages in their order, what each means, and how exact it is. */
export const STAGES: Readonly<Record<string, { readonly title: string; readonly note: string }>> = {
  submit: { title: "Submit", note: "until sbatch has answered (local: until the process is there)" },
  pending: {
    title: "Pending",
    note: "until the job's first process was made: to 20 ms, and to the difference of the two nodes' clocks as far as it is known",
  },
  exec: { title: "Batch script", note: "the user's lines, until the one that starts the runner" },
  supervisor: {
    title: "Supervisor's boot",
    note: "from there (local: from submission) until the worker's process began; with what is in front of it where that was not seen",
  },
  "node-boot": {
    title: "Worker's Node",
    note: "until the worker's Node was ready for a line of ours, by its own clock",
  },
  handshake: {
    title: "Handshake",
    note: "loads our code, connects, TLS, hello: until the parent had the worker's hello, to 1 ms",
  },
  import: { title: "Import", note: "the way there, the module imported, the way back, to 1 ms" },
  [LAST]: { title: "First call", note: "of two numbers, with the promise of the lease" },
}

/** The kernel counts a process's start in hundredths of a second, and its own age as well. */
const COARSE_MS = 20

/**
 * What was seen of a start, as times since `beganAt`.
 * @param beganAt ms since 1970, on this program's clock
 * @param own what the worker knows, on its node's clock
 */
export function marksOf(
  beganAt: number,
  { boot, clockSkewMs = 0 }: Pick<RunnerInfo, "boot" | "clockSkewMs">,
  own: OwnStart,
  scheduled: boolean,
): Mark[] {
  const here = (at: Date | undefined) => (at === undefined ? undefined : at.getTime() - beganAt)
  const there = (at: number | undefined) => (at === undefined ? undefined : at - clockSkewMs - beganAt)
  // Where the script starts the runner without `exec`, the process that is seen was made behind the stamp: it is not the job's first one.
  const first = own.job !== undefined && (own.exec === undefined || own.job <= own.exec + COARSE_MS)
  const marks: Mark[] = [
    { stage: "submit", at: here(boot.submitted) },
    ...(scheduled
      ? [
          { stage: "pending", at: first ? there(own.job) : undefined },
          { stage: "exec", at: there(own.exec) },
        ]
      : []),
    { stage: "supervisor", at: there(own.worker) },
    { stage: "node-boot", at: there(own.booted) },
    { stage: "handshake", at: here(boot.connected) },
    { stage: "import", at: here(boot.serving) },
  ]
  return marks
}
