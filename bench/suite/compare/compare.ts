/**
 * Compares two reports, figure by figure, and says something only where it is beyond the noise. Owns which figures may be compared, on
 * what basis, and the verdicts. Ratios to the bare wire of the same run are preferred: two days differ by the machine and what else
 * it did, which hits both sides of a ratio. Knows no terminal and no page.
 */
import { figureValue } from "../figure.ts"
import type { Figure, Report, Subject } from "../report.ts"
import { compareSamples, FEWEST, standing } from "./two-samples.ts"

/** Of the verdicts of one comparison, at most this share is wrong; so is one report in so many of which nothing changed. */
export const FALSE_RATE = 0.03

/** A change that is smaller is not worth a word, however certain: another memory layout of the same program makes as much. */
export const SMALLEST = { ratio: 0.05, absolute: 0.1 } as const

/** What a ratio may be to, the best first: what no change of ours can move. */
export const BASES: readonly Subject[] = ["raw ws", "raw TCP"]

export type VerdictKind = "faster" | "slower" | "same" | "only-old" | "only-new" | "not-comparable"

export interface Verdict {
  readonly id: string
  readonly title: string
  readonly subject: Subject
  readonly parameter?: { readonly name: string; readonly value: number }
  readonly better: Figure["better"]
  readonly kind: VerdictKind
  /** `absolute` is the weaker one: another day, another machine, another answer. Undefined where nothing was compared. */
  readonly basis?: { readonly kind: "ratio"; readonly to: Subject } | { readonly kind: "absolute" }
  /** New / old, and within which factors it lies at 95 %. */
  readonly factor?: number
  readonly low?: number
  readonly high?: number
  /** Why there is none, where there is none. */
  readonly why?: string
}

export interface Comparison {
  readonly old: Side
  readonly new: Side
  /** What differs between the two, in words, whether or not it kept figures from being compared. */
  readonly differences: readonly string[]
  readonly verdicts: readonly Verdict[]
  /** How many figures were put to the test. */
  readonly tested: number
}

export interface Side {
  readonly version: string
  readonly date: string
}

interface Tested {
  readonly verdict: Verdict
  readonly p?: number
}

/** Compares what both reports have; what only one has is told. */
export function compareReports(old: Report, now: Report): Comparison {
  const { differences, forbids } = environment(old, now)
  const [before, after] = [figuresOf(old), figuresOf(now)]
  const tested = [...after].map(([key, figure]): Tested => {
    const earlier = before.get(key)
    if (earlier === undefined) return { verdict: { ...named(figure.figure), kind: "only-new" } }
    return test(earlier, figure, forbids(figure.figure.subject))
  })
  const gone = [...before].filter(([key]) => !after.has(key))
  const stands = standing(
    tested.flatMap(({ p }) => (p === undefined ? [] : [p])),
    FALSE_RATE,
  )
  let at = 0
  const verdicts = tested.map(({ verdict, p }) => (p === undefined ? verdict : decided(verdict, stands[at++]!)))
  return {
    old: { version: old.about.version, date: old.about.date },
    new: { version: now.about.version, date: now.about.date },
    differences,
    verdicts: [...verdicts, ...gone.map(([, { figure }]): Verdict => ({ ...named(figure), kind: "only-old" }))],
    tested: stands.length,
  }
}

function decided(verdict: Verdict, stands: boolean): Verdict {
  const factor = verdict.factor!
  const smallest = SMALLEST[verdict.basis!.kind]
  if (!stands || Math.max(factor, 1 / factor) < 1 + smallest) return { ...verdict, kind: "same" }
  return { ...verdict, kind: factor > 1 === (verdict.better === "more") ? "faster" : "slower" }
}

interface Placed {
  readonly figure: Figure
  /** Those measured in the same rounds, by subject: what it may be put in relation to. */
  readonly beside: ReadonlyMap<Subject, Figure>
}

function figuresOf(report: Report): Map<string, Placed> {
  const all = new Map<string, Placed>()
  const besides = new Map<string, Map<Subject, Figure>>()
  for (const figure of report.groups.flatMap(group => group.figures)) {
    const place = JSON.stringify([figure.id, figure.parameter?.name, figure.parameter?.value])
    const beside = besides.get(place) ?? new Map<Subject, Figure>()
    besides.set(place, beside.set(figure.subject, figure))
    all.set(`${place} ${figure.subject}`, { figure, beside })
  }
  return all
}

function test(old: Placed, now: Placed, forbidden: Forbidden): Tested {
  const verdict = { ...named(now.figure), kind: "not-comparable" } as const
  const unlike = (why: string): Tested => ({ verdict: { ...verdict, why } })
  if (forbidden.all !== undefined) return unlike(forbidden.all)
  if (old.figure.unit !== now.figure.unit) return unlike(`in ${old.figure.unit} then, in ${now.figure.unit} now`)
  if (old.figure.better !== now.figure.better)
    return unlike(`${old.figure.better} was better then, ${now.figure.better} is now`)
  const base = BASES.find(
    to => to !== now.figure.subject && quotients(old, to).length >= FEWEST && quotients(now, to).length >= FEWEST,
  )
  if (base === undefined && forbidden.absolute !== undefined) return unlike(forbidden.absolute)
  const [a, b] =
    base === undefined ? [values(old.figure), values(now.figure)] : [quotients(old, base), quotients(now, base)]
  if (a.length < FEWEST || b.length < FEWEST) {
    return unlike(
      `too few slices: ${a.length} then, ${b.length} now, and ${FEWEST} of each are the least that can say anything`,
    )
  }
  if (![...a, ...b].every(value => value > 0)) return unlike("a slice of it is zero: there is no quotient to judge by")
  const { p, factor, low, high } = compareSamples(a, b)
  const basis = base === undefined ? ({ kind: "absolute" } as const) : ({ kind: "ratio", to: base } as const)
  return { p: agrees(old, now, base, factor) ? p : 1, verdict: { ...verdict, basis, factor, low, high } }
}

/** A figure that is of all measurements together is tested by its slices, and has to have moved the same way itself. */
function agrees(old: Placed, now: Placed, base: Subject | undefined, factor: number): boolean {
  if (old.figure.value === undefined && now.figure.value === undefined) return true
  const level = ({ figure, beside }: Placed) =>
    figureValue(figure) / (base === undefined ? 1 : figureValue(beside.get(base)!))
  return level(now) / level(old) > 1 === factor > 1
}

const values = (figure: Figure) => figure.slices.filter(slice => slice !== null)

/** Slice by slice, of the rounds in which both were measured. */
function quotients({ figure, beside }: Placed, to: Subject): number[] {
  const base = beside.get(to)
  if (base === undefined) return []
  return figure.slices.flatMap((slice, i) => {
    const under = base.slices[i]
    return slice === null || under === null || under === undefined || !(under > 0) ? [] : [slice / under]
  })
}

function named({ id, title, subject, parameter, better }: Figure) {
  return { id, title, subject, better, ...(parameter === undefined ? {} : { parameter }) }
}

interface Forbidden {
  /** Why nothing of this subject may be compared. */
  readonly all?: string
  /** Why its absolute values may not. */
  readonly absolute?: string
}

/** What differs, and what that forbids. */
function environment(old: Report, now: Report): { differences: string[]; forbids: (subject: Subject) => Forbidden } {
  const differences: string[] = []
  const differ = (what: string, a: string | undefined, b: string | undefined): string | undefined => {
    if (a === b) return undefined
    const words = `${what}: ${a ?? "none"} then, ${b ?? "none"} now`
    differences.push(words)
    return words
  }
  const [a, b] = [old.about, now.about]
  const wire = (report: Report) =>
    each(
      report,
      ({ interface: at }) =>
        at && `${at.kind}${at.speedMbit ? ` ${at.speedMbit} Mbit/s` : ""}${at.ibRate ? ` ${at.ibRate}` : ""}`,
    )
  const all = [
    differ("backend", a.backend, b.backend),
    differ("shaping of the wire", a.shaping, b.shaping),
    differ("interface", wire(old), wire(now)),
  ].find(words => words !== undefined)
  const absolute = [
    differ(
      "CPU",
      each(old, node => `${node.cores} × ${node.cpu}`),
      each(now, node => `${node.cores} × ${node.cpu}`),
    ),
    differ(
      "nodes",
      each(old, node => node.name),
      each(now, node => node.name),
    ),
  ].find(words => words !== undefined)
  const tls = differ("TLS", a.tls ? "on" : "off", b.tls ? "on" : "off")
  // Told, and left to the reader: a ratio is there to bear them.
  differ(
    "Node",
    each(old, node => node.node),
    each(now, node => node.node),
  )
  differ(
    "kernel",
    each(old, node => node.kernel),
    each(now, node => node.kernel),
  )
  differ(
    "governor",
    each(old, node => node.governor),
    each(now, node => node.governor),
  )
  differ(
    "MTU",
    each(old, node => node.interface && String(node.interface.mtu)),
    each(now, node => node.interface && String(node.interface.mtu)),
  )
  differ(
    "IPoIB mode",
    each(old, node => node.interface?.ipoibMode),
    each(now, node => node.interface?.ipoibMode),
  )
  differ("Slurm", a.slurm, b.slurm)
  const quick = (report: Report) => (report.options.quick === true ? "on" : "off")
  differ("quick", quick(old), quick(now))
  const why = (words: string | undefined, key: keyof Forbidden): Forbidden =>
    words === undefined ? {} : { [key]: words }
  return {
    differences,
    forbids: subject => ({
      ...why(all ?? (subject === "slurm-flame" ? tls : undefined), "all"),
      ...why(absolute, "absolute"),
    }),
  }
}

/** What the nodes have, each value once, in their order; undefined when none has any. */
function each(report: Report, of: (node: Report["about"]["nodes"][number]) => string | undefined): string | undefined {
  const found = [...new Set(report.about.nodes.map(of).filter(value => value !== undefined))]
  return found.length === 0 ? undefined : found.join(", ")
}
