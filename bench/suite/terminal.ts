/** What a person sees while the suite runs. Owns stdout (tables) and stderr (what is being done, doubts); a line has 100 columns at most. */
import { nodeLines } from "./about/words.ts"
import { wrap } from "./columns.ts"
import type { About, GroupReport, Report } from "./report.ts"
import type { Watcher } from "./suite.ts"
import { groupTable, legendsOf, NOT_INSTALLED } from "./table.ts"

export class Terminal implements Watcher {
  readonly #out: NodeJS.WritableStream
  readonly #err: NodeJS.WritableStream & { isTTY?: boolean }
  /** Legends are told with the first table that needs them. */
  readonly #told = new Set<string>()
  /** What is being done, as far as a line of its own was made of it. */
  #stage = ""

  constructor(out: NodeJS.WritableStream, err: NodeJS.WritableStream & { isTTY?: boolean }) {
    this.#out = out
    this.#err = err
  }

  about(about: About): void {
    const { version, date, backend, slurm, tls, nodes, shaping } = about
    const head = [
      `slurm-flame ${version}`,
      date,
      backend === "slurm" ? `Slurm${slurm === undefined ? "" : ` ${slurm}`}` : "this machine alone",
      `TLS ${tls ? "on" : "off"}`,
      ...(shaping === undefined ? [] : [`on the wire: ${shaping}`]),
    ]
    this.#line(head.join(", "))
    for (const node of nodes) for (const line of nodeLines(node)) this.#line(`  ${line}`)
  }

  /** A terminal shows the newest words in one line; elsewhere there is a line for each stage, and none for its rounds. */
  progress(words: string): void {
    if (this.#err.isTTY) {
      this.#err.write(`\r\x1b[K${words.slice(0, 79)}`)
      return
    }
    const stage = words.split(":", 1)[0]!
    if (stage === this.#stage) return
    this.#stage = stage
    this.#err.write(`${words}\n`)
  }

  /** What is worth a line wherever stderr leads: that a job waits, and why. */
  news(words: string): void {
    this.#clear()
    this.#err.write(`${words}\n`)
  }

  warning(words: string): void {
    this.#clear()
    this.#err.write(`warning: ${words}\n`)
  }

  group(report: GroupReport): void {
    this.#line("")
    for (const line of groupTable(report)) this.#line(line)
    for (const legend of legendsOf(report)) {
      if (this.#told.has(legend)) continue
      this.#told.add(legend)
      for (const line of wrap(`  ${legend}`)) this.#line(line)
    }
  }

  end({ seconds, warnings, groups }: Report): void {
    const doubts = warnings.length === 0 ? "" : `, ${warnings.length} warning${warnings.length === 1 ? "" : "s"}`
    const lacking = groups.flatMap(({ skipped }) => skipped.filter(({ reason }) => reason.startsWith(NOT_INSTALLED)))
    const names = new Map(lacking.map(({ subject, reason }) => [subject, reason.slice(NOT_INSTALLED.length)]))
    this.#line("")
    for (const line of notInstalled(names)) this.#line(line)
    this.#line(`${seconds.toFixed(0)} s${doubts}`)
  }

  failed(error: unknown): void {
    this.#clear()
    this.#err.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  }

  #line(text: string): void {
    this.#clear()
    this.#out.write(`${text}\n`)
  }

  #clear(): void {
    if (this.#err.isTTY) this.#err.write("\r\x1b[K")
  }
}

const INSTALL = " (slurm-flame bench --install-peers)"

/** Who is in no table, in one sentence; what can be installed so, in another. */
function notInstalled(names: ReadonlyMap<string, string>): string[] {
  const all = [...names].map(([subject, what]) => ({
    subject,
    what: what.replace(INSTALL, ""),
    ours: what.endsWith(INSTALL),
  }))
  const told = (list: typeof all, how: string) =>
    list.length === 0
      ? []
      : wrap(
          `not installed${how}: ${list.map(({ subject, what }) => (subject === what ? subject : `${subject} (${what})`)).join(", ")}`,
        )
  return [
    ...told(
      all.filter(({ ours }) => ours),
      ", which slurm-flame bench --install-peers does",
    ),
    ...told(
      all.filter(({ ours }) => !ours),
      "",
    ),
  ]
}
