/**
 * `examples/long-train` as its user starts it: work of minutes on jobs that are shorter, and what comes of it against a training without a
 * pause. With an outage its node goes dark in the middle. Owns how it is started and read; what it prints is the example's.
 */
import { asUser, type Program } from "../harness.ts"
import type { Outage } from "./outage.ts"

const RUN = "../examples/long-train/run.mjs"

export interface Training {
  /** SHA-256 of the weights. */
  digest: string
  /** How often it was interrupted. */
  interrupted: number
  handovers: number
  /** All that the terminal showed. */
  terminal: string
}

export interface TrainOptions {
  minutes: number
  /** For sbatch, as `NAME=VALUE`. */
  sbatch: readonly string[]
  outage?: Outage | undefined
}

/** What the terminal shows when its node has gone dark: Slurm's word, or that there is none yet. */
export const LOST = /interrupted on job \S+ \(n3\): (node-fail|network)/

/** An epoch takes at least so long, in seconds. */
const PACE = 2
const epochs = (minutes: number): string => String(Math.ceil((minutes * 60) / PACE))

/** Trains on jobs of two minutes. */
export async function onJobs({ minutes, sbatch, outage }: TrainOptions): Promise<Training> {
  outage?.enter()
  const program = asUser(RUN, [
    ...["--backend", "slurm", "--time", "2", "--pace", String(PACE), "--epochs", epochs(minutes)],
    ...sbatch.flatMap(one => ["--sbatch", one]),
  ])
  if (outage) await cutPower(program, outage)
  const terminal = await outputOf(program)
  const [, interrupted, handovers] = /interrupted (\d+) times, (\d+) hand-overs/.exec(terminal) ?? []
  if (process.env.SLURM_FLAME_FIGURES) console.log(terminal)
  return { digest: digestIn(terminal), interrupted: Number(interrupted), handovers: Number(handovers), terminal }
}

/** Waits until a third is done, and it runs on the node. */
async function cutPower(program: Program, outage: Outage): Promise<void> {
  let node: string | undefined
  let done = 0
  while (node !== outage.node || done < 1 / 3) {
    const text = (await program.next("line")).text as string
    node = / in job \S+ \((\w+)\)/.exec(text)?.[1] ?? node
    const [, epoch, of] = / epoch +(\d+)\/(\d+)/.exec(text) ?? []
    if (epoch !== undefined) done = Number(epoch) / Number(of)
    if (done === 1) throw new Error(`the training was never on ${outage.node} after its first third`)
  }
  await outage.ready()
  while (!LOST.test((await program.next("line")).text)) {}
  await outage.recovered()
}

/** Trains in one process, without a pause; gives the digest. */
export async function uninterrupted(minutes: number): Promise<string> {
  return digestIn(await outputOf(asUser(RUN, ["--uninterrupted", "--epochs", epochs(minutes)])))
}

async function outputOf(program: Program): Promise<string> {
  const { code, stdout, stderr } = await program.result
  if (code !== 0) throw new Error(`the example ended with ${code}\n${stdout}${stderr}`)
  return stdout
}

function digestIn(terminal: string): string {
  const [, digest] = /^SHA-256 of the weights: ([0-9a-f]{64})$/m.exec(terminal) ?? []
  if (digest === undefined) throw new Error(`the example did not say the digest of its weights:\n${terminal}`)
  return digest
}
