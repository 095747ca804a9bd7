import { expect, test } from "vitest"
import { Journal } from "../../examples/long-train/journal.ts"
import { parseOptions, UsageError } from "../../examples/long-train/options.ts"
import { digestOf, LongTraining, type State } from "../../examples/long-train/training.ts"
import { loadDigits, splitDigits } from "../../examples/train/data.ts"

const all = splitDigits(loadDigits()).validation
const EPOCHS = 6

function digestAfter(training: LongTraining): string {
  while (training.epoch < EPOCHS) training.pass(all)
  return digestOf(training.network.weights)
}
const fresh = () => LongTraining.fresh(1, all.labels.length)
const expected = digestAfter(fresh())

test.each([0, 1, 3, EPOCHS])("put down after epoch %i and taken up from a copy, it has the same weights", epoch => {
  const training = fresh()
  while (training.epoch < epoch) training.pass(all)
  const copy = structuredClone(training.state)
  // Whoever put it down goes on for a while: what was kept is not touched by that.
  training.pass(all)
  expect(digestAfter(new LongTraining(copy))).toBe(expected)
})

test("all of its state is needed: with any part of it left out the weights are others", () => {
  const training = fresh()
  training.pass(all)
  const broken: ((state: State) => State)[] = [
    state => ({ ...state, random: 1 }),
    state => ({ ...state, order: state.order.toReversed() }),
    state => ({ ...state, velocities: state.velocities.map(part => new Float32Array(part.length)) }),
  ]
  for (const lose of broken) {
    expect(digestAfter(new LongTraining(lose(structuredClone(training.state))))).not.toBe(expected)
  }
})

test("the digest depends on every bit, and on where a part lies in its buffer not at all", () => {
  const weights = fresh().network.weights.map(part => part.slice())
  const digest = digestOf(weights)
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(digestOf(weights.map(part => new Float32Array([0, ...part]).subarray(1)))).toBe(digest)
  weights[1]![3] = -0
  expect(digestOf(weights)).not.toBe(digest)
})

test("without arguments: a minute of work on processes of 20 s", () => {
  expect(parseOptions([])).toMatchObject({
    backend: "local",
    epochs: 60,
    paceMs: 1_000,
    time: "20s",
    walltimeMs: 20_000,
    signalBeforeMs: 5_000,
    uninterrupted: false,
    compare: false,
  })
})

test("on Slurm: jobs of two minutes", () => {
  const argv = "--backend slurm --minutes 10 --pace 2 --partition cpu --sbatch exclude=n1,n2 --sbatch mem=1G"
  expect(parseOptions(argv.split(" "))).toMatchObject({
    epochs: 300,
    time: "2",
    walltimeMs: undefined,
    signalBeforeMs: 20_000,
    partition: "cpu",
    sbatch: { exclude: "n1,n2", mem: "1G" },
  })
})

test.each([
  ["--epochs 5 --minutes 1", /--minutes and --epochs/],
  ["--epochs 0", /--epochs is a whole number from 1, not "0"/],
  ["--minutes x", /--minutes is a number from/],
  ["--pace 0", /--pace 0 needs --epochs/],
  ["--partition cpu", /--partition needs --backend slurm/],
  ["--time 1-00:00:00", /--time of a process is minutes/],
  ["--backend slurm --sbatch mem", /--sbatch is NAME=VALUE, not "mem"/],
  ["--uninterrupted --compare", /--compare/],
  ["stray", /stray/],
])("%s is refused, naming the option", (argv, message) => {
  expect(() => parseOptions(argv.split(" "))).toThrow(UsageError)
  expect(() => parseOptions(argv.split(" "))).toThrow(message)
})

test("the journal: a line for each thing that happens, which job, which node, why, and from which epoch it goes on", () => {
  const written: string[] = []
  const journal = new Journal(60, { isTTY: false, write: (text: string) => written.push(text) } as never)
  const [first, second] = [
    { id: "t-1", jobId: "12", node: "n1" },
    { id: "t-2", jobId: "13", node: undefined },
  ]
  journal.report({ epoch: 0, loss: undefined, jobId: "12", node: "n1" })
  journal.report({ epoch: 17, loss: 0.5, jobId: "12", node: "n1" })
  journal.handover(first, second)
  journal.draining({ ...first, drainReason: "walltime", leftMs: 19_600 })
  journal.resumed(first, "walltime", new Date())
  journal.report({ epoch: 17, loss: undefined, jobId: "13", node: "n2" })
  journal.gone(first, "walltime")
  expect(written.map(line => line.replace(/^ +\d+\.\d s {2}/, ""))).toEqual([
    "begins in job 12 (n1)\n",
    "epoch 17/60  loss 0.5000\n",
    "job 12 (n1) is about to end: job 13 is to take over\n",
    "job 12 (n1) takes no more work: walltime, 20 s left\n",
    "interrupted on job 12 (n1): walltime; saved after epoch 17, and is placed anew\n",
    "goes on in job 13 (n2) after epoch 17\n",
    "job 12 (n1) is gone: walltime\n",
  ])
})
