/** The page and the plots of made-up reports: well-formed, complete, escaped, and without numbers that are none. */
import { expect, test } from "vitest"
import { compareReports } from "../../bench/suite/compare/compare.ts"
import { htmlOf } from "../../bench/suite/html/page.ts"
import { summary } from "../../bench/suite/html/summary.ts"
import { svgFiles } from "../../bench/suite/plots/plots.ts"
import type { Figure, GroupReport, Report } from "../../bench/suite/report.ts"
import { figureOf, group, madeUpReport } from "./made-up-report.ts"
import { fault, NOTHING } from "./well-formed.ts"

/** The page and each plot, all of them looked at. */
function drawn(report: Report): { page: string; plots: Map<string, string> } {
  const page = htmlOf(report)
  const plots = svgFiles(report)
  for (const [name, text] of [["the page", page] as const, ...plots]) {
    expect.soft(fault(text), name).toBeUndefined()
    expect.soft(text.match(NOTHING)?.[0], name).toBeUndefined()
  }
  return { page, plots }
}

function reportOf(...figures: Figure[]): Report {
  return withGroup(group("made", "Made up", "Nothing was done.", figures))
}

function withGroup(one: GroupReport): Report {
  return { ...madeUpReport(), groups: [one], warnings: [] }
}

test("the checker of markup finds what is wrong", () => {
  expect(fault("<p>a &amp; b<br/></p>")).toBeUndefined()
  expect(fault("<p><b>a</p></b>")).toBe("</p> ends <b>")
  expect(fault("<p>")).toBe("<p> is never ended")
  expect(fault("<p>a & b</p>")).toContain("bare &")
  expect(fault('<p title="a & b"></p>')).toContain("bare &")
  expect(fault("<p title=x></p>")).toContain("no tag")
  expect("n is NaN, of undefined").toMatch(NOTHING)
})

test("the page has all that was measured, with who, where and how, and needs nothing else", () => {
  const report = madeUpReport()
  const { page, plots } = drawn(report)
  expect([...plots.keys()]).toEqual([
    "small-p50-cdf.svg",
    "small-p50-histogram.svg",
    "small-ratios-raw-ws.svg",
    "size-latency.svg",
    "size-latency-ratio.svg",
    "bandwidth-ratios-raw-ws.svg",
    "scaling-rate.svg",
    "cold-start-stages.svg",
    "cold-start-ratios-slurm-flame.svg",
  ])
  for (const words of [
    report.about.command,
    "EPYC 7763",
    "100 Gb/sec (4X EDR)",
    "datagram",
    "mlx5_core",
    "gRPC over QUIC",
    "was not stable",
    "Where another is ahead",
    "client to scheduler to worker",
  ]) {
    expect.soft(page).toContain(words)
  }
  expect(page).not.toMatch(/<script|src=|@import|url\(/)
  // Each plot says what it is to who cannot see it.
  const count = (part: string) => page.split(part).length - 1
  expect(count("<svg ")).toBe(plots.size)
  expect(count("<desc>")).toBe(plots.size)
})

test("where a peer is faster the summary says so, and by how much", () => {
  const six = (level: number) => [1, 1.05, 1.1, 1, 1.02, 1.03].map(factor => factor * level)
  const figures = [
    figureOf({
      id: "small/p50",
      title: "Small call, p50",
      subject: "slurm-flame",
      unit: "us",
      slices: six(200),
    }),
    figureOf({ id: "small/p50", title: "Small call, p50", subject: "quick", unit: "us", slices: six(100) }),
    figureOf({ id: "small/p50", title: "Small call, p50", subject: "lazy", unit: "us", slices: six(600) }),
    figureOf({
      id: "rate",
      title: "Rate",
      subject: "slurm-flame",
      unit: "calls/s",
      better: "more",
      slices: six(50),
    }),
    figureOf({ id: "rate", title: "Rate", subject: "quick", unit: "calls/s", better: "more", slices: six(200) }),
  ]
  const { page } = drawn(reportOf(...figures))
  const summary = page.slice(page.indexOf('<section id="summary"'), page.indexOf('<section id="where"'))
  expect(summary).toContain("is ahead in 1 and behind in 2")
  const another = summary.slice(
    summary.indexOf("Where another is ahead"),
    summary.indexOf("Where slurm-flame is ahead"),
  )
  expect(another).toMatch(/quick<\/th><td>2<\/td><td class="text">Rate<\/td>.*4\.00× slower/)
  expect(summary.slice(summary.indexOf("Where slurm-flame is ahead"))).toMatch(/lazy<\/th><td>1<\/td>.*3\.00× faster/)
})

test("names are text: what looks like markup in them stays text, in the page and in the plots", () => {
  const evil = `<script>alert("&")</script>'\u0000`
  const figures = [evil, "slurm-flame"].flatMap(subject =>
    [1, 2, 3].map(value =>
      figureOf({
        id: evil,
        title: evil,
        subject,
        unit: "us",
        parameter: { name: evil, value },
        slices: [1, 2],
        note: evil,
      }),
    ),
  )
  const report = withGroup({ ...group(evil, evil, evil, figures, [{ subject: evil, reason: evil }]) })
  const { about } = report
  const nodes = about.nodes.map(node => ({ ...node, name: evil, cpu: evil }))
  const { page, plots } = drawn({
    ...report,
    warnings: [evil],
    options: { evil },
    about: { ...about, command: evil, nodes },
  })
  expect(page).not.toContain("<script")
  expect([...plots].every(([name, text]) => !text.includes("<script") && /^[a-z0-9-]+\.svg$/.test(name))).toBe(true)
})

const base = { id: "x", title: "X", unit: "us" as const }
const histogram = { low: 1, growth: 1.03, counts: [1], max: 1 }
test.each<[string, Report]>([
  ["nothing at all", { ...madeUpReport(), groups: [] }],
  ["a group without a figure", withGroup(group("g", "G", "How.", []))],
  ["one subject", reportOf(figureOf({ ...base, subject: "slurm-flame", slices: [1, 2, 3] }))],
  [
    "one slice",
    reportOf(
      figureOf({ ...base, subject: "a", slices: [1] }),
      figureOf({ ...base, subject: "slurm-flame", slices: [2] }),
    ),
  ],
  [
    "slices that are missing",
    reportOf(
      figureOf({ ...base, subject: "raw ws", slices: [null, 2, null, 3] }),
      figureOf({ ...base, subject: "slurm-flame", slices: [1, null, 4, 4] }),
    ),
  ],
  [
    "zeros, also where an axis is logarithmic",
    reportOf(
      ...["raw ws", "slurm-flame"].flatMap(subject =>
        [0, 1, 1024, 2 ** 26].map(value =>
          figureOf({ ...base, subject, parameter: { name: "bytes", value }, slices: [0, value * 3, 0] }),
        ),
      ),
      ...["raw ws", "slurm-flame"].map(subject => figureOf({ ...base, id: "y", subject, slices: [0, 0, 0] })),
    ),
  ],
  [
    "values that are huge and tiny",
    reportOf(
      ...[1e-300, 1, 1e300].flatMap((value, i) =>
        ["raw ws", "slurm-flame"].map(subject =>
          figureOf({ ...base, subject, parameter: { name: "bytes", value: 2 ** i }, slices: [value, value] }),
        ),
      ),
      figureOf({ ...base, id: "y", subject: "raw ws", slices: [1e-300] }),
      figureOf({ ...base, id: "y", subject: "slurm-flame", slices: [1e300] }),
    ),
  ],
  [
    "values that are all the same",
    reportOf(
      ...[1, 2].map(value =>
        figureOf({ ...base, subject: "a", parameter: { name: "runners", value }, slices: [7, 7] }),
      ),
      figureOf({ ...base, id: "y", subject: "a", slices: [7], histogram }),
    ),
  ],
  [
    "histograms that hold nothing, or make no sense",
    reportOf(
      ...[{ counts: [] }, { counts: [0, 0] }, { low: 0, counts: [3] }, { growth: 1, counts: [3] }].map((odd, i) =>
        figureOf({ ...base, id: `h/${i}`, subject: "slurm-flame", slices: [1], histogram: { ...histogram, ...odd } }),
      ),
    ),
  ],
  [
    "very long names",
    reportOf(
      ...["slurm-flame", "a".repeat(300), "many words ".repeat(40)].flatMap(subject =>
        [1, 2].flatMap(value => [
          figureOf({
            ...base,
            title: "long ".repeat(60),
            subject,
            parameter: { name: "n".repeat(90), value },
            slices: [1, 2],
          }),
          figureOf({ ...base, id: "y", title: "long".repeat(60), subject, slices: [1, 2], histogram }),
        ]),
      ),
    ),
  ],
  [
    "forty subjects that nobody knows",
    reportOf(
      ...Array.from({ length: 40 }, (_, i) => `peer ${i}`).flatMap(subject => [
        ...[1, 2].map(value => figureOf({ ...base, subject, parameter: { name: "bytes", value }, slices: [1, 2] })),
        figureOf({ ...base, id: "y", subject, slices: [1, 2], histogram }),
      ]),
    ),
  ],
  ["a name that every object has", reportOf(figureOf({ ...base, subject: "constructor", slices: [1, 2], histogram }))],
])("can be drawn: %s", (_, report) => {
  drawn(report)
})

test("no text of a plot lies outside of it", () => {
  const names = ["slurm-flame", "a rather long name of a peer that somebody made", "raw ws"]
  const figures = names.flatMap(subject => [
    ...[0, 1, 2 ** 26].map(value =>
      figureOf({ ...base, subject, parameter: { name: "bytes", value }, slices: [123_456, 234_567] }),
    ),
    figureOf({ ...base, id: "y", title: "Y ".repeat(80), subject, slices: [1, 2, 3], histogram }),
  ])
  for (const [name, text] of [...svgFiles(reportOf(...figures)), ...svgFiles(madeUpReport())]) {
    const [, width, height] = text.match(/viewBox="0 0 ([\d.]+) ([\d.]+)"/)!.map(Number)
    for (const [, x, y, look, words] of text.matchAll(/<text x="([\d.-]+)" y="([\d.-]+)"([^>]*)>([^<]*)</g)) {
      const wide = words!.length * 0.56 * Number(look!.match(/font-size="([\d.]+)"/)?.[1] ?? 12)
      const from = Number(x) - (look!.includes('"end"') ? wide : look!.includes('"middle"') ? wide / 2 : 0)
      expect.soft(from, `${name}: ${words}`).toBeGreaterThanOrEqual(0)
      if (!text.includes("translate(")) expect.soft(from + wide, `${name}: ${words}`).toBeLessThanOrEqual(width!)
      expect.soft(Number(y), `${name}: ${words}`).toBeLessThanOrEqual(height!)
    }
  }
})

test("a comparison is a section of the page", () => {
  const page = htmlOf(madeUpReport(1), compareReports(madeUpReport(2, { pace: 1.5 }), madeUpReport(1)))
  expect(fault(page)).toBeUndefined()
  expect(page).not.toMatch(NOTHING)
  expect(page).toContain("Changes beyond the noise")
  expect(page).toMatch(/class="faster">faster: −\d+ %/)
})

test("threads of one process are no rivals on Slurm, and have a table of their own on one machine", () => {
  const figures = ["slurm-flame", "raw ws", "piscina", "comlink worker_threads, direct"].map((subject, i) =>
    figureOf({
      id: "small/p50",
      title: "Small call, p50",
      subject,
      unit: "us",
      slices: [20, 22, 21, 23, 24, 25].map(v => v / (i + 1)),
    }),
  )
  const made = madeUpReport()
  const page = (backend: "local" | "slurm") =>
    summary({ ...made, about: { ...made.about, backend }, groups: [group("small", "Small", "How.", figures)] }).html
  expect(page("slurm")).toContain("In 1 comparisons")
  expect(page("slurm")).not.toContain("piscina")
  const [first, beside] = page("local").split("Beside threads of one process")
  expect(first).toContain("In 1 comparisons")
  expect(first).not.toContain("piscina")
  expect(beside).toContain("piscina")
  expect(beside).toContain("is ahead in 0 and behind in 2")
  expect(htmlOf({ ...made, groups: [group("small", "Small", "How.", figures)] })).toContain("same process, no wire")
})

test("the summary begins with ours beside the bare wires, and counts of a latency the median alone", () => {
  const { html } = summary(madeUpReport())
  const rows = html.slice(html.indexOf("In short"), html.indexOf("</table>"))
  expect(rows).toMatch(/Small call, median \(p50\)<\/th><td>1\d\d µs<\/td>/)
  expect(rows).toMatch(/Small call, p99.*slower/)
  expect(rows).toContain("A new runner, from the order to its first result")
  expect(html.slice(html.indexOf("</table>"))).not.toMatch(/p99|p90/)
})
