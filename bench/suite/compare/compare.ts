/**
 * Compares two reports, figure by figure, and says something only where it is beyond the noise. Owns which figures may be compared, on
 * what basis, and the verdicts. Ratios to the bare wire of the same run are preferred: two days differ by the machine and what else
 * it did, which hits both sides of a ratio. Knows no terminal and no page.
 */
import { figureValue } from "../figure.ts"
import { change, parameterWords } from "../quantity.ts"
import type { Figure, Report, Subject } from "../report.ts"
import { environment, type Forbidden } from "./environment.ts"
import { BASES, MOVED, MOVED_LITTLE, type Move, moveOf, movesOf, size } from "./moved.ts"
import { figuresOf, type Placed, quotients, values } from "./placed.ts"
import { compareSamples, FEWEST, standing } from "./two-samples.ts"

/**
 * Of the verdicts of one comparison, so many are wrong at most by the slices' own noise; so is one report in so many of which nothing
 * changed. It says nothing of how two runs of one program differ: that is more, and is in no run's slices.
 */
export const FALSE_RATE = 0.03

/** A change that is smaller is not worth a word, however certain: another memory layout of the same program makes as much. */
export const SMALLEST = { ratio: 0.05, absolute: 0.1 } as const

export type VerdictKind = "faster" | "slower" | "same" | "unsure" | "only-old" | "only-new" | "not-comparable"

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
  /** Why there is none, where there is none or it is `unsure`: it differs, and what differs may be the machine. */
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
  /** Where the bare wires themselves were faster or slower: the machine was not the same. The furthest first. */
  readonly moves: readonly Move[]
  /** Of how many figures of the wires. */
  readonly movesOf: number
}

export interface Side {
  readonly version: string
  readonly date: string
}

interface Tested {
  readonly verdict: Verdict
  readonly p?: number
  /** Why it could be the machine, if it stands. */
  readonly doubt?: string
}

/** Compares what both reports have; what only one has is told. */
export function compareReports(old: Report, now: Report): Comparison {
  const { differences, forbids } = environment(old, now)
  const [before, after] = [figuresOf(old), figuresOf(now)]
  const moved = movesOf(before, after)
  const machine = moved.moves[0] && `the machine was not the same in both: ${moveWords(moved.moves[0])}`
  const tested = [...after].map(([key, figure]): Tested => {
    const earlier = before.get(key)
    if (earlier === undefined) return { verdict: { ...named(figure.figure), kind: "only-new" } }
    const forbidden = forbids(figure.figure.subject)
    return test(earlier, figure, { ...(machine === undefined ? {} : { absolute: machine }), ...forbidden })
  })
  const gone = [...before].filter(([key]) => !after.has(key))
  const stands = standing(
    tested.flatMap(({ p }) => (p === undefined ? [] : [p])),
    FALSE_RATE,
  )
  let at = 0
  const verdicts = tested.map(({ verdict, p, doubt }) =>
    p === undefined ? verdict : decided(verdict, stands[at++]!, doubt),
  )
  return {
    old: { version: old.about.version, date: old.about.date },
    new: { version: now.about.version, date: now.about.date },
    differences,
    verdicts: [...verdicts, ...gone.map(([, { figure }]): Verdict => ({ ...named(figure), kind: "only-old" }))],
    tested: stands.length,
    moves: moved.moves,
    movesOf: moved.of,
  }
}

/** `raw ws, small/p50 ×2.75` */
export function moveWords({ id, subject, parameter, factor }: Move): string {
  const at = parameter === undefined ? "" : ` at ${parameterWords(parameter.name, parameter.value)}`
  return `${subject}, ${id}${at} ${change(factor)}`
}

function decided(verdict: Verdict, stands: boolean, doubt: string | undefined): Verdict {
  const factor = verdict.factor!
  const smallest = SMALLEST[verdict.basis!.kind]
  if (!stands || Math.max(factor, 1 / factor) < 1 + smallest) return { ...verdict, kind: "same" }
  if (doubt !== undefined) return { ...verdict, kind: "unsure", why: doubt }
  return { ...verdict, kind: factor > 1 === (verdict.better === "more") ? "faster" : "slower" }
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
  const [a, b] =
    base === undefined ? [values(old.figure), values(now.figure)] : [quotients(old, base), quotients(now, base)]
  if (a.length < FEWEST || b.length < FEWEST) {
    return unlike(
      `${TOO_FEW}: ${a.length} then, ${b.length} now, and ${FEWEST} of each are the least that can say anything`,
    )
  }
  if (base === undefined && forbidden.absolute !== undefined) return unlike(forbidden.absolute)
  if (![...a, ...b].every(measurable)) return unlike(NO_QUOTIENT)
  const { p, factor, low, high } = compareSamples(a, b)
  if (![factor, low, high].every(measurable)) return unlike(NO_QUOTIENT)
  const basis = base === undefined ? ({ kind: "absolute" } as const) : ({ kind: "ratio", to: base } as const)
  const doubt = base === undefined ? undefined : doubtOf(old, now, base, factor)
  return {
    p: agrees(old, now, base, factor) ? p : 1,
    verdict: { ...verdict, basis, factor, low, high },
    ...(doubt === undefined ? {} : { doubt }),
  }
}

/** How that reason begins: of many figures it is told once. */
export const TOO_FEW = "too few slices"

const measurable = (value: number) => value > 0 && Number.isFinite(value)

const NO_QUOTIENT = "a slice of it is zero, or beyond what numbers hold: there is no quotient to judge by"

/**
 * Why a ratio may have moved by its base alone; undefined where that stood still, or where the ratios to both wires say the same and one
 * of the wires has moved little.
 */
function doubtOf(old: Placed, now: Placed, base: Subject, factor: number): string | undefined {
  if (BASES.includes(now.figure.subject)) return "it is a bare wire itself: what moved is the machine"
  const moved = moveOf(old, now, base)
  if (moved === undefined || size(moved) <= MOVED) return undefined
  const words = `the base moved: ${base} ${change(moved)}`
  const second = BASES.find(other => other !== base && other !== now.figure.subject)
  const secondMoved = second === undefined ? undefined : moveOf(old, now, second)
  if (second === undefined || secondMoved === undefined) return words
  if (Math.min(size(moved), size(secondMoved)) >= MOVED_LITTLE) return `${words}, ${second} ${change(secondMoved)}`
  const [a, b] = [quotients(old, second), quotients(now, second)]
  if (a.length < FEWEST || b.length < FEWEST || ![...a, ...b].every(measurable)) return words
  const other = compareSamples(a, b)
  const same = other.factor > 1 === factor > 1 && other.p <= FALSE_RATE && size(other.factor) >= SMALLEST.ratio
  return same ? undefined : `${words}, and the ratio to ${second} does not say the same (${change(other.factor)})`
}

/** A figure that is of all measurements together is tested by its slices, and has to have moved the same way itself. */
function agrees(old: Placed, now: Placed, base: Subject | undefined, factor: number): boolean {
  if (old.figure.value === undefined && now.figure.value === undefined) return true
  const level = ({ figure, beside }: Placed) =>
    figureValue(figure) / (base === undefined ? 1 : figureValue(beside.get(base)!))
  return level(now) / level(old) > 1 === factor > 1
}

function named({ id, title, subject, parameter, better }: Figure) {
  return { id, title, subject, better, ...(parameter === undefined ? {} : { parameter }) }
}
