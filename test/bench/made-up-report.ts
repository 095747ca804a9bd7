/** Reports that nobody measured, for what draws and compares them: values as real ones have them, from a seeded generator. */
import type {
  Figure,
  GroupReport,
  HistogramReport,
  NodeAbout,
  Report,
  Subject,
  Unit,
} from "../../bench/suite/report.ts"
import { SCHEMA } from "../../bench/suite/report.ts"
import { spread } from "../../bench/suite/statistics.ts"

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A value of the normal distribution (Box and Muller). */
export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

/** Slices round a level: log-normal noise, and now and then one that something disturbed: this share of them. */
export function slicesOf(next: () => number, level: number, rounds: number, noise = 0.05, disturbed = 0.03): number[] {
  return Array.from({ length: rounds }, () => level * Math.exp(noise * normal(next)) * (next() < disturbed ? 1.6 : 1))
}

export interface MadeFigure {
  readonly id: string
  readonly title: string
  readonly subject: Subject
  readonly unit: Unit
  readonly better?: "less" | "more"
  readonly parameter?: { readonly name: string; readonly value: number }
  readonly slices: readonly (number | null)[]
  readonly n?: number
  readonly histogram?: HistogramReport
  readonly note?: string
}

/** A figure whose spread is that of its slices. */
export function figureOf(made: MadeFigure): Figure {
  const own = made.slices.filter(slice => slice !== null)
  return { better: "less", n: own.length * 1000, ...made, spread: spread(own) }
}

/** A histogram with a hill at `middle` and a long tail. */
export function histogramOf(next: () => number, middle: number, n: number): HistogramReport {
  const growth = 1.03
  const low = middle * 0.6
  const counts: number[] = []
  let max = 0
  for (let i = 0; i < n; i++) {
    const value = Math.max(low, middle * Math.exp(0.12 * normal(next)) * (next() < 0.02 ? 1 + 12 * next() ** 3 : 1))
    const at = Math.floor(Math.log(value / low) / Math.log(growth))
    counts[at] = (counts[at] ?? 0) + 1
    max = Math.max(max, value)
  }
  return { low, growth, counts: Array.from(counts, count => count ?? 0), max }
}

/** How fast each is at a small call, in µs, and at many bytes, in MB/s. About what a machine of 2 cores gave. */
const SUBJECTS: Readonly<Record<Subject, readonly [us: number, bandwidth: number]>> = {
  "slurm-flame": [178, 640],
  "slurm-flame, no TLS": [150, 1100],
  "raw TCP": [91, 1250],
  "raw ws": [111, 950],
  "comlink worker_threads": [87, 1240],
  piscina: [74, 1210],
  tinypool: [196, 420],
  capnweb: [181, 70],
  birpc: [162, 550],
  tRPC: [1542, 22],
  "grpc-js": [506, 400],
  "socket.io": [175, 820],
  "Erlang erpc": [102, 870],
  Dask: [10_887, 330],
}

const node = (name: string, role: NodeAbout["role"], address: string): NodeAbout => ({
  name,
  role,
  node: "v20.20.2",
  cpu: "AMD EPYC 7763 64-Core Processor",
  cores: 64,
  memoryMiB: 515_430,
  kernel: "5.14.0-427.el9.x86_64",
  governor: "performance",
  load: role === "parent" ? 0.31 : 0.04,
  address,
  interface: {
    name: "ib0",
    mtu: 2044,
    driver: "mlx5_core",
    kind: "infiniband",
    ipoibMode: "datagram",
    ibRate: "100 Gb/sec (4X EDR)",
  },
})

/** With everything that the suite measures in it. The same for the same seed. @param pace how slow ours is: 1.2 is 20 % slower */
export function madeUpReport(seed = 1, { rounds = 15, pace = 1 } = {}): Report {
  const next = random(seed)
  return {
    schema: SCHEMA,
    about: {
      version: "0.1.0",
      date: "2026-11-23T06:12:00.000Z",
      command: "slurm-flame bench --slurm-job job.sh --json report.json --html report.html",
      backend: "slurm",
      slurm: "22.05.8",
      tls: true,
      nodes: [
        node("login1", "parent", "10.201.0.1"),
        node("n1", "runner", "10.201.0.11"),
        node("n2", "runner", "10.201.0.12"),
      ],
    },
    options: { backend: "slurm", quick: false, secondsPerGroup: 60, maxRunners: 16 },
    groups: [
      small(next, rounds, pace),
      sizes(next, rounds, pace),
      bandwidth(next, rounds, pace),
      scaling(next, rounds),
      coldStart(next, rounds),
      idle(next, rounds),
    ],
    warnings: [
      "login1 had a load of 0.31 before the first measurement",
      "raw ws was not stable after 8 slices of warm-up",
    ],
    seconds: 431.2,
  }
}

function small(next: () => number, rounds: number, pace: number): GroupReport {
  const quantiles = [
    ["p50", 1],
    ["p90", 1.4],
    ["p99", 3.2],
    ["p99.9", 7],
    ["max", 30],
  ] as const
  const figures = quantiles.flatMap(([name, factor], at) =>
    Object.entries(SUBJECTS).map(([subject, [us]]) =>
      figureOf({
        id: `small/${name}`,
        title: `Small call, ${name}`,
        subject,
        unit: "us",
        slices: slicesOf(next, us * factor * (subject.startsWith("slurm-flame") ? pace : 1), rounds, 0.04 + at * 0.05),
        ...(name === "p50" ? { histogram: histogramOf(next, us, us > 5000 ? 300 : 20_000) } : {}),
        ...(subject === "Dask" ? { note: "client to scheduler to worker" } : {}),
      }),
    ),
  )
  return group(
    "small",
    "Small calls, one at a time",
    "Two numbers there, their sum back, one call at a time, 150 ms a slice.",
    figures,
    [{ subject: "gRPC over QUIC", reason: "its package is not installed: slurm-flame bench --install-peers" }],
  )
}

function sizes(next: () => number, rounds: number, pace: number): GroupReport {
  const values = [0, ...Array.from({ length: 27 }, (_, i) => 2 ** i)]
  const figures = values.flatMap(value =>
    Object.entries(SUBJECTS)
      .filter(([subject]) => !(subject === "Dask" || (subject === "capnweb" && value > 2 ** 24)))
      .map(([subject, [us, mb]]) =>
        figureOf({
          id: "size/latency",
          title: "Bytes there and back",
          subject,
          unit: "us",
          parameter: { name: "bytes", value },
          slices: slicesOf(
            next,
            (us + (2 * value) / mb) * (subject.startsWith("slurm-flame") ? pace : 1),
            rounds,
            0.06,
          ),
        }),
      ),
  )
  return group("size", "Latency by size", "Bytes there and the same bytes back, one call at a time.", figures)
}

function bandwidth(next: () => number, rounds: number, pace: number): GroupReport {
  const figures = [
    ["oneway", "Bandwidth, one way", 1],
    ["both", "Bandwidth, both ways", 1.5],
  ] as const
  return group(
    "bandwidth",
    "Bandwidth",
    "8 messages of 1 MiB in flight.",
    figures.flatMap(([id, title, factor]) =>
      Object.entries(SUBJECTS).map(([subject, [, mb]]) =>
        figureOf({
          id: `bandwidth/${id}`,
          title,
          subject,
          unit: "MB/s",
          better: "more",
          slices: slicesOf(next, (mb * factor) / (subject.startsWith("slurm-flame") ? pace : 1), rounds, 0.08),
        }),
      ),
    ),
  )
}

function scaling(next: () => number, rounds: number): GroupReport {
  const figures = [1, 2, 4, 8, 16].flatMap(value =>
    (["slurm-flame", "comlink worker_threads", "Dask"] as const).map((subject, i) =>
      figureOf({
        id: "scaling/rate",
        title: "Calls of all runners together",
        subject,
        unit: "calls/s",
        better: "more",
        parameter: { name: "runners", value },
        slices: slicesOf(next, (([14_000, 19_000, 300] as const)[i]! * value) / (1 + value * 0.07), rounds),
      }),
    ),
  )
  return group("scaling", "Many runners at once", "64 calls in flight to each of the runners.", figures)
}

function coldStart(next: () => number, rounds: number): GroupReport {
  const stages = [
    ["submit", 38],
    ["pending", 620],
    ["exec", 180],
    ["node-boot", 55],
    ["handshake", 12],
    ["import", 40],
    ["first-call", 1.2],
  ] as const
  const figures = ["slurm-flame", "slurm-flame, no TLS"].flatMap(subject => [
    ...stages.map(([name, ms]) =>
      figureOf({
        id: `cold-start/${name}`,
        title: `Cold start: ${name.replace("-", " ")}`,
        subject,
        unit: "ms",
        slices: slicesOf(next, ms, rounds, 0.1),
        n: rounds,
      }),
    ),
    figureOf({
      id: "cold-start/total",
      title: "Order to first result",
      subject,
      unit: "ms",
      slices: slicesOf(next, 946, rounds, 0.1),
      n: rounds,
    }),
  ])
  return group("cold-start", "Cold start", "From the order to the first result, one runner at a time.", figures)
}

function idle(next: () => number, rounds: number): GroupReport {
  const figure = figureOf({
    id: "cpu/idle",
    title: "CPU of the parent with 1,000 idle runners",
    subject: "slurm-flame",
    unit: "%",
    slices: slicesOf(next, 1.8, rounds),
    n: rounds,
  })
  return group("cpu", "CPU of the parent", "Of one core.", [figure])
}

/** A group of these figures. */
export function group(
  id: string,
  title: string,
  how: string,
  figures: readonly Figure[],
  skipped: GroupReport["skipped"] = [],
): GroupReport {
  return { id, title, how, figures, skipped, seconds: 61.5 }
}
