/**
 * What the suite has measured, as it is written to `--json`, compared with `--compare` and drawn. Owns the shape, and so the names that
 * must stay: a report of today is compared with one of next year. Knows nothing of how anything was measured.
 */

/** Of `schema`: raised when a reader of the one before would misread the next. */
export const SCHEMA = 1

/** What is measured: ours, a peer, or the bare wire. `slurm-flame` is always ours with its defaults (TLS). */
export type Subject = string

export type Unit = "us" | "ms" | "s" | "MB/s" | "calls/s" | "items/s" | "%" | "MiB" | "runners/s"

export interface Report {
  readonly schema: typeof SCHEMA
  readonly about: About
  /** The options that say how much was measured, as they were in force. */
  readonly options: Readonly<Record<string, unknown>>
  readonly groups: readonly GroupReport[]
  /** What makes the figures doubtful: a busy machine, a governor, a subject that was not stable. In words, for people. */
  readonly warnings: readonly string[]
  /** From the first to the last measurement. */
  readonly seconds: number
}

/** Where and with what. Everything that is not known is left out: nothing is guessed. */
export interface About {
  readonly version: string
  readonly date: string
  /** The command line that makes this again. */
  readonly command: string
  readonly backend: "local" | "slurm"
  readonly slurm?: string
  readonly tls: boolean
  /** The machine of the parent first, then those of the runners. */
  readonly nodes: readonly NodeAbout[]
  /** The delay and rate that were put on the wire on purpose. */
  readonly shaping?: string
}

export interface NodeAbout {
  readonly name: string
  readonly role: "parent" | "runner"
  readonly node: string
  readonly cpu: string
  readonly cores: number
  readonly memoryMiB: number
  readonly kernel: string
  readonly governor?: string
  readonly load: number
  readonly address: string
  readonly interface?: InterfaceAbout
}

export interface InterfaceAbout {
  readonly name: string
  readonly mtu: number
  /** As the kernel says it, which is nothing for many virtual ones. */
  readonly speedMbit?: number
  readonly driver?: string
  readonly kind: "infiniband" | "ethernet" | "loopback" | "virtual"
  /** `datagram` or `connected`: InfiniBand only. */
  readonly ipoibMode?: string
  /** Of the port below: `EDR 100 Gb/s (4X)` and its like. */
  readonly ibRate?: string
}

export interface GroupReport {
  readonly id: string
  readonly title: string
  /** What was done, for how long, and what a figure of it means: two or three sentences. */
  readonly how: string
  readonly figures: readonly Figure[]
  /** Who is not in it, and why. */
  readonly skipped: readonly { readonly subject: Subject; readonly reason: string }[]
  readonly seconds: number
}

/** One number of one subject, with all that it was made of. */
export interface Figure {
  /** The same in every report: `small/p50`. With subject and parameter it names one figure. */
  readonly id: string
  readonly title: string
  readonly subject: Subject
  readonly unit: Unit
  readonly better: "less" | "more"
  /** The horizontal axis of its plot, when it is one of a series. */
  readonly parameter?: { readonly name: string; readonly value: number }
  /** Of single measurements (calls, messages, starts), all slices together. */
  readonly n: number
  /** One value for each slice, in the order of the rounds; `null` where this subject had none in that round. Nothing is trimmed. */
  readonly slices: readonly (number | null)[]
  /** Of the slices. */
  readonly spread: Spread
  /**
   * The figure, where it is not the median of its slices: of all single measurements together. So are the far tail and the largest value, as
   * what happens in one slice of ten is in no median, and every quantile for which a slice has too few measurements: the slices are then
   * this value alone.
   */
  readonly value?: number
  /** Against others in the same rounds, slice by slice: base subject -> figure / base. With `value` the quotient of the values, so of one. */
  readonly ratios?: Readonly<Record<Subject, Spread>>
  /** Of all single measurements: for the distribution's plot. */
  readonly histogram?: HistogramReport
  /** A word that belongs to it: `pairs of processes`, `store and forward`. */
  readonly note?: string
}

export interface Spread {
  readonly median: number
  readonly p25: number
  readonly p75: number
  readonly min: number
  readonly max: number
  readonly n: number
}

/** Counts of values by size: bucket `i` holds those from `low * growth ** i` on. In the figure's unit. Empty ones at both ends are left out. */
export interface HistogramReport {
  readonly low: number
  readonly growth: number
  readonly counts: readonly number[]
  readonly max: number
}
