/** A report as one page that needs nothing else: no script, no font, no network. Owns the order of its sections. */
import type { Comparison } from "../compare/compare.ts"
import { plotsOf } from "../plots/plots.ts"
import { duration } from "../quantity.ts"
import type { GroupReport, Report } from "../report.ts"
import { setsOf } from "../sets.ts"
import { comparisonSection } from "./comparison.ts"
import { html, list, Markup, tag } from "./elements.ts"
import { environment } from "./environment.ts"
import { STYLE } from "./style.ts"
import { summary } from "./summary.ts"
import { figureTables } from "./tables.ts"

interface Section {
  readonly id: string
  readonly title: string
  readonly body: readonly Markup[]
}

/** The whole page. @param comparison with an older report, when there is one */
export function htmlOf(report: Report, comparison?: Comparison): string {
  const { about } = report
  const where = [...new Set(about.nodes.map(({ name }) => name))]
  const title = `slurm-flame ${about.version}: benchmark ${about.backend === "slurm" ? "on Slurm" : "on one machine"}`
  const sections: Section[] = [
    { id: "summary", title: "Summary", body: [summary(report)] },
    { id: "where", title: "Where it was measured", body: [environment(about)] },
    ...(comparison === undefined
      ? []
      : [{ id: "comparison", title: "Compared with an older report", body: [comparisonSection(comparison)] }]),
    ...report.groups.map((group, i) => ({ id: `group-${i + 1}`, title: group.title, body: groupBody(group) })),
    { id: "method", title: "Method", body: method(report) },
  ]
  const body = [
    tag("h1", {}, title),
    tag(
      "p",
      { class: "meta" },
      `${about.date.replace(/^(.{10})T(.{5}).*Z$/, "$1 $2 UTC")} · ${where.join(", ")} · ${duration(report.seconds)} of measuring · TLS ${about.tls ? "on" : "off"}`,
    ),
    tag("pre", {}, about.command),
    ...warnings(report),
    tag(
      "nav",
      { "aria-label": "Contents" },
      tag(
        "ol",
        {},
        sections.map(section => tag("li", {}, tag("a", { href: `#${section.id}` }, section.title))),
      ),
    ),
    ...sections.map(section =>
      tag("section", { id: section.id, "aria-labelledby": `${section.id}-title` }, [
        tag("h2", { id: `${section.id}-title` }, section.title),
        ...section.body,
      ]),
    ),
    tag("footer", {}, tag("p", {}, `Made by slurm-flame bench. The JSON report beside it has every slice.`)),
  ]
  return [
    "<!DOCTYPE html>",
    `<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>`,
    `${tag("title", {}, title).html}<style>${STYLE}</style></head>`,
    `<body>${html(body)}</body></html>`,
    "",
  ].join("\n")
}

function warnings(report: Report): Markup[] {
  if (report.warnings.length === 0) return []
  const words = tag("strong", {}, "What makes these figures doubtful")
  return [tag("div", { class: "warnings", role: "note" }, [words, list(report.warnings)])]
}

function groupBody(group: GroupReport): Markup[] {
  return [
    tag("p", {}, group.how),
    ...plotsOf(group).map(({ svg, caption }) => tag("figure", {}, [new Markup(svg), tag("figcaption", {}, caption)])),
    ...(group.figures.length === 0 ? [tag("p", {}, "Nothing was measured.")] : setsOf(group).map(figureTables)),
    ...(group.skipped.length === 0
      ? []
      : [
          tag("p", {}, "Not in it:"),
          list(group.skipped.map(({ subject, reason }) => [tag("b", {}, subject), `: ${reason}`])),
        ]),
    tag("p", { class: "meta" }, `${duration(group.seconds)} of measuring.`),
  ]
}

function method(report: Report): Markup[] {
  const options = Object.entries(report.options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
  return [
    tag(
      "p",
      {},
      "Each subject has a client process and, but for those that are threads, a server process of its own; all of them are there at once. Each is warmed up until its slices no longer drift. Then it is measured in rounds: in each of them every subject has one slice, in an order that is drawn anew.",
    ),
    tag(
      "p",
      {},
      "A figure is the median of its slices, beside their quarters (p25–p75) and their ends (min–max); n is the number of single measurements (calls, messages, starts) in all slices. Nothing is trimmed. A slice that a subject could not do is missing, and said to be.",
    ),
    tag(
      "p",
      {},
      "A ratio is the median of the ratios within rounds, not the ratio of two medians: whatever else the machine did in a round hit both sides of it. A subject is called ahead or behind where the whole interval of that median (95 %) lies on one side of 1.",
    ),
    tag(
      "p",
      {},
      "Histograms and cumulative distributions are of all single values of all slices. Where calls are made at a fixed rate, latency counts from when a call was due, so that a pause counts for all calls that it kept waiting.",
    ),
    ...(options.length === 0 ? [] : [tag("p", {}, "Options in force:"), list(options)]),
  ]
}
