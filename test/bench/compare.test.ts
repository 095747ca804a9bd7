/** The comparison of two reports: what it says, what it does not say, and how often it is wrong. */
import { describe, expect, test } from "vitest"
import { compareReports, type Verdict } from "../../bench/suite/compare/compare.ts"
import { compareSamples, standing } from "../../bench/suite/compare/two-samples.ts"
import { comparisonText, verdictWords } from "../../bench/suite/compare/words.ts"
import type { Figure, Report } from "../../bench/suite/report.ts"
import { figureOf, group, madeUpReport, random, slicesOf } from "./made-up-report.ts"

const MADE = madeUpReport()

function reportOf(figures: readonly Figure[], about: Partial<Report["about"]> = {}): Report {
  return { ...MADE, about: { ...MADE.about, ...about }, groups: [group("g", "G", "How.", figures)] }
}

const figure = (slices: readonly (number | null)[], more: Partial<Parameters<typeof figureOf>[0]> = {}) =>
  figureOf({ id: "small/p50", title: "Small call", subject: "slurm-flame", unit: "us", slices, ...more })

/** Fifteen slices with 5 % of noise, the same for the same seed. */
const noisy = (seed: number, level = 100) => slicesOf(random(seed), level, 15)

const only = (old: Report, now: Report): Verdict => {
  const { verdicts } = compareReports(old, now)
  expect(verdicts).toHaveLength(1)
  return verdicts[0]!
}

describe("the arithmetic", () => {
  test("p is that of the tables of Mann and Whitney", () => {
    // U = 0 of 5 and 5: two of the 252 orders are so uneven. U = 2: 2 · (1 + 1 + 2) of them.
    expect(compareSamples([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]).p).toBeCloseTo(2 / 252, 12)
    expect(compareSamples([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]).p).toBeCloseTo(8 / 252, 12)
    // The critical value for 10 and 10 at 5 % is U = 23.
    const tens = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    expect(
      compareSamples(
        tens,
        tens.map(value => value + 0.5),
      ).p,
    ).toBeGreaterThan(0.6)
    expect(compareSamples([1, 2, 3], [1, 2, 3]).p).toBe(1)
    expect(compareSamples([2, 2, 2, 2, 2], [2, 2, 2, 2, 2]).p).toBe(1)
  })

  test("the factor is that between the two, and lies in its interval", () => {
    const { factor, low, high } = compareSamples([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])
    expect(factor).toBeCloseTo(2, 9)
    expect(low).toBeLessThan(2)
    expect(high).toBeGreaterThan(2)
    expect(compareSamples([7, 7, 7], [14, 14, 14])).toMatchObject({ factor: 2, low: 2, high: 2 })
  })

  test("the interval holds the truth in about 95 of 100", () => {
    let held = 0
    for (let seed = 0; seed < 1000; seed++) {
      const { low, high } = compareSamples(noisy(seed), noisy(seed + 10_000, 120))
      if (low <= 1.2 && high >= 1.2) held++
    }
    expect(held).toBeGreaterThan(930)
    expect(held).toBeLessThan(985)
  })

  test("there is no quotient of nothing, and none of zero", () => {
    expect(() => compareSamples([], [1])).toThrow("no values")
    expect(() => compareSamples([0], [1])).toThrow("got 0")
  })

  test("of many p values those stand that are too many to be chance", () => {
    expect(standing([0.04, 0.9, 0.8], 0.05)).toEqual([false, false, false])
    expect(standing([0.01, 0.9, 0.02], 0.05)).toEqual([true, false, true])
    // The first alone would not stand among three; with the others it does.
    expect(standing([0.03, 0.02, 0.04], 0.05)).toEqual([true, true, true])
    expect(standing([], 0.05)).toEqual([])
  })
})

describe("how often it is wrong", () => {
  /** Of both sides of a ratio, which comes to 5 % of the ratio; 3 in 100 of which have a disturbed slice on one side as well. */
  const NOISE = 0.05 / Math.SQRT2

  /** Twelve subjects, five figures each, and a bare wire that all are put in relation to. */
  function report(seed: number, pace = 1): Report {
    const next = random(seed)
    return reportOf(
      Array.from({ length: 5 }, (_, i) => `f/${i}`).flatMap(id =>
        ["raw ws", ...Array.from({ length: 11 }, (_, i) => `peer ${i}`)].map(subject =>
          figure(slicesOf(next, 100 * (subject === "peer 3" && id === "f/2" ? pace : 1), 15, NOISE, 0.015), {
            id,
            subject,
          }),
        ),
      ),
    )
  }
  const RUNS = 400
  const changed = (old: Report, now: Report) =>
    compareReports(old, now).verdicts.filter(({ kind }) => kind === "faster" || kind === "slower")

  test("of reports in which nothing changed, less than one in twenty says that something did", () => {
    let wrong = 0
    for (let run = 0; run < RUNS; run++) if (changed(report(run), report(run + 50_000)).length > 0) wrong++
    expect(wrong / RUNS).toBeLessThan(0.05)
  })

  test("a change of 20 % in one figure of sixty is found, with 15 slices and 5 % of noise, in more than 19 of 20", () => {
    let found = 0
    for (let run = 0; run < RUNS; run++) {
      const verdicts = changed(report(run), report(run + 50_000, 1.2))
      if (verdicts.some(({ kind, subject, id }) => kind === "slower" && subject === "peer 3" && id === "f/2")) found++
    }
    expect(found / RUNS).toBeGreaterThan(0.95)
  })
})

describe("what it says", () => {
  test("faster and slower, whether less or more is better", () => {
    const less = only(reportOf([figure(noisy(1))]), reportOf([figure(noisy(2, 150))]))
    expect(less).toMatchObject({ kind: "slower", basis: { kind: "absolute" } })
    expect(verdictWords(less)).toMatch(/^slower: \+\d\d % \(\+\d\d % to \+\d\d %\)$/)
    const more = { unit: "MB/s", better: "more" } as const
    expect(only(reportOf([figure(noisy(1), more)]), reportOf([figure(noisy(2, 150), more)])).kind).toBe("faster")
  })

  test("no difference beyond the noise, and how large that is", () => {
    const same = only(reportOf([figure(noisy(1))]), reportOf([figure(noisy(2))]))
    expect(same.kind).toBe("same")
    expect(verdictWords(same)).toMatch(/^no difference beyond the noise \(±\d\.\d %\)$/)
  })

  test("a machine that is half as fast changes no ratio", () => {
    const report = (slow: number, seed: number) =>
      reportOf([figure(noisy(seed, 200 * slow)), figure(noisy(seed + 1, 100 * slow), { subject: "raw ws" })])
    const verdicts = compareReports(report(1, 1), report(2, 5)).verdicts
    expect(verdicts[0]).toMatchObject({ kind: "same", basis: { kind: "ratio", to: "raw ws" } })
    // The bare wire itself has nothing to be put in relation to.
    expect(verdictWords(verdicts[1]!)).toMatch(
      /^not comparable: the machine was not the same in both: raw ws, small\/p50 \+9\d %/,
    )
  })

  test("on another machine absolute values are not compared, ratios are", () => {
    const report = (cpu: string, seed: number) => {
      const figures = [figure(noisy(seed, 200)), figure(noisy(seed + 1), { subject: "raw ws" })]
      return reportOf(figures, { nodes: MADE.about.nodes.map(node => ({ ...node, cpu })) })
    }
    const { verdicts, differences } = compareReports(report("old", 1), report("new", 5))
    expect(verdicts[0]!.kind).toBe("same")
    expect(verdictWords(verdicts[1]!)).toBe("not comparable: CPU: 64 × old then, 64 × new now")
    expect(differences).toEqual(["CPU: 64 × old then, 64 × new now"])
  })

  test.each<[string, Report, string]>([
    ["another backend", reportOf([figure(noisy(1))], { backend: "local" }), "backend: local then, slurm now"],
    [
      "a wire that was shaped",
      reportOf([figure(noisy(1))], { shaping: "1 ms" }),
      "shaping of the wire: 1 ms then, none now",
    ],
    ["TLS", reportOf([figure(noisy(1))], { tls: false }), "TLS: off then, on now"],
    ["another unit", reportOf([figure(noisy(1), { unit: "ms" })]), "in ms then, in us now"],
    ["too few slices", reportOf([figure([1, 2, 3, null, null])]), "too few slices: 3 then, 15 now"],
    ["a zero", reportOf([figure([...noisy(1), 0])]), "a slice of it is zero"],
  ])("why it is not comparable: %s", (_, old, why) => {
    const verdict = only(old, reportOf([figure(noisy(2))]))
    expect(verdict.kind).toBe("not-comparable")
    expect(verdictWords(verdict)).toContain(why)
  })

  describe("a machine that was not the same", () => {
    /** Ours, the wires and a figure beside which no wire was measured, each at its level. */
    const run = (seed: number, levels: { ours: number; ws: number; tcp?: number; start?: number }) =>
      reportOf([
        figure(noisy(seed, levels.ours)),
        figure(noisy(seed + 1, levels.ws), { subject: "raw ws" }),
        ...(levels.tcp === undefined ? [] : [figure(noisy(seed + 2, levels.tcp), { subject: "raw TCP" })]),
        figure(noisy(seed + 3, levels.start ?? 100), { id: "cold-start/total", title: "Cold start" }),
      ])
    const kinds = (old: Report, now: Report) => compareReports(old, now).verdicts.map(({ kind }) => kind)

    test("no verdict is given by a base that moved, no absolute one at all, and it is said first", () => {
      const comparison = compareReports(run(1, { ours: 58, ws: 20 }), run(9, { ours: 135, ws: 55, start: 300 }))
      const [ours, , start] = comparison.verdicts
      expect(verdictWords(ours!)).toMatch(/^unsure \(−\d\d %\): the base moved: raw ws ×2\.\d/)
      expect(verdictWords(start!)).toMatch(
        /^not comparable: the machine was not the same in both: raw ws, small\/p50 ×2\.\d/,
      )
      const lines = comparisonText(comparison).split("\n")
      expect(lines[1]).toMatch(/^ {2}The machine was not the same in both: raw ws, small\/p50 ×2\.\d+ \(1 of 1 figures/)
      expect(lines.join("\n")).toContain("0 slower, 0 faster, 1 unsure")
      expect(lines.at(-1)).toContain("two runs of the same program differ by more than their slices tell")
    })

    test("a verdict stands to which both wires agree, when one of them moved little", () => {
      const old = run(1, { ours: 100, ws: 50, tcp: 40 })
      expect(kinds(old, run(9, { ours: 200, ws: 65, tcp: 41 }))[0]).toBe("slower")
      // Both moved; they disagree; and neither is anything else than the machine.
      expect(kinds(old, run(9, { ours: 200, ws: 65, tcp: 52 }))[0]).toBe("unsure")
      expect(kinds(old, run(9, { ours: 100, ws: 65, tcp: 40 })).slice(0, 2)).toEqual(["unsure", "unsure"])
    })

    test("one that was busier is a difference", () => {
      const busy = { nodes: MADE.about.nodes.map((node, i) => (i === 0 ? { ...node, load: 80 } : node)) }
      expect(compareReports(reportOf([]), reportOf([], busy)).differences).toEqual([
        "load of the parent: 0.31 on 64 cores then, 80 on 64 now",
      ])
      const less = { nodes: MADE.about.nodes.map(node => ({ ...node, load: 60 })) }
      expect(compareReports(reportOf([]), reportOf([], less)).differences).toEqual([])
    })
  })

  test.each<[string, Partial<Report>, Partial<Report>, string | undefined]>([
    [
      "a job script",
      { options: { slurmJob: "sha256 aa", sbatch: {} } },
      { options: { slurmJob: "sha256 bb", sbatch: {} } },
      "job script: sha256 aa then, sha256 bb now",
    ],
    [
      "an option of sbatch's",
      { options: { sbatch: { partition: "a", exclusive: true } } },
      { options: { sbatch: { exclusive: true, partition: "b" } } },
      "sbatch's options: exclusive true, partition a then, exclusive true, partition b now",
    ],
    [
      "the command",
      { about: { ...MADE.about, command: "slurm-flame bench --quick --partition a --json x" } },
      { about: { ...MADE.about, command: "slurm-flame bench --json y --partition b --html 'a b'" } },
      "Slurm's part of the command: --partition a then, --partition b now",
    ],
    [
      "nothing but the files",
      { about: { ...MADE.about, command: "slurm-flame bench --sbatch time=1 exclusive --json x" } },
      { about: { ...MADE.about, command: "slurm-flame bench --quick --sbatch time=1 exclusive --html=y" } },
      undefined,
    ],
  ])("another job forbids absolute values: %s", (_, then, now, words) => {
    const { differences, verdicts } = compareReports(
      { ...reportOf([figure(noisy(1))]), ...then },
      { ...reportOf([figure(noisy(2, 200))]), ...now },
    )
    expect(differences).toEqual(words === undefined ? [] : [words])
    expect(verdicts[0]!.kind).toBe(words === undefined ? "slower" : "not-comparable")
  })

  test("quotients beyond what numbers hold are no quotients", () => {
    const report = (slice: number) =>
      reportOf([
        figure(noisy(1).map(() => 1e300)),
        figure(
          noisy(1).map(() => slice),
          { subject: "raw ws" },
        ),
      ])
    expect(compareReports(report(1e-300), report(1e-300)).verdicts[0]!.kind).toBe("not-comparable")
    const value = (slice: number) => reportOf([figure(noisy(1).map(() => slice))])
    expect(only(value(1e-300), value(1e300)).kind).toBe("not-comparable")
  })

  test("reports with few slices are told to be so in one line", () => {
    const few = (n: number) => reportOf([figure(noisy(1).slice(0, n)), figure(noisy(2).slice(0, 2), { id: "rest" })])
    const text = comparisonText(compareReports(few(3), few(4)))
    expect(text.split("\n").slice(1)).toEqual([
      "  nothing was compared: too few slices (5 in each report are the least that can say anything). Measure both without --quick, or longer.",
    ])
  })

  test("a figure is another one with another parameter; what only one report has is told", () => {
    const at = (value: number) => figure(noisy(value), { parameter: { name: "bytes", value } })
    const { verdicts, tested } = compareReports(reportOf([at(1), at(1024)]), reportOf([at(1), at(2048)]))
    expect(verdicts.map(({ kind, parameter }) => [kind, parameter?.value])).toEqual([
      ["same", 1],
      ["only-new", 2048],
      ["only-old", 1024],
    ])
    expect(tested).toBe(1)
  })

  test("on a terminal: the changes, why something was not compared, and a count of the rest", () => {
    const figures = (level: number, seed: number) => [
      figure(noisy(seed, level)),
      figure(noisy(seed + 1), { id: "rest" }),
      figure(noisy(seed), {
        id: "size",
        title: "Size",
        parameter: { name: "bytes", value: 65_536 },
        unit: seed === 1 ? "ms" : "us",
      }),
    ]
    const text = comparisonText(compareReports(reportOf(figures(100, 1)), reportOf(figures(150, 9))))
    expect(text).toMatch(/slurm-flame {2}Small call +slower: \+\d\d % .* absolute: weaker/)
    expect(text).toContain("Size, 64 KiB")
    expect(text).toContain("1 slower, 0 faster, 1 without a difference beyond the noise, 1 not comparable")
  })
})
