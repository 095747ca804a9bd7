/** What a person sees while the suite runs. Owns stdout (tables) and stderr (what is being done, doubts); a line has 100 columns at most. */
import type { About, GroupReport, Report } from "./report.ts"
import type { Watcher } from "./suite.ts"
import { groupTable } from "./table.ts"

export class Terminal implements Watcher {
  readonly #out: NodeJS.WritableStream
  readonly #err: NodeJS.WritableStream & { isTTY?: boolean }

  constructor(out: NodeJS.WritableStream, err: NodeJS.WritableStream & { isTTY?: boolean }) {
    this.#out = out
    this.#err = err
  }

  about(about: About): void {
    const { version, date, backend, slurm, tls, nodes, shaping } = about
    const head = [
      `slurm-flame ${version}`,
      date,
      backend === "slurm" ? (slurm ?? "Slurm") : "this machine alone",
      `TLS ${tls ? "on" : "off"}`,
      ...(shaping === undefined ? [] : [shaping]),
    ]
    this.#line(head.join(", "))
    for (const { role, name, address, node, cpu, cores, load, governor, interface: wire } of nodes) {
      const facts = [
        `${role} ${name} (${address})`,
        `${cpu}, ${cores} cores`,
        `Node ${node.replace(/^v/, "")}`,
        `load ${load.toFixed(2)}`,
        ...(governor === undefined ? [] : [`governor ${governor}`]),
        ...(wire
          ? [
              `${wire.name}: ${[wire.kind, wire.driver, wire.ibRate, wire.ipoibMode].filter(Boolean).join(" ")}, MTU ${wire.mtu}${wire.speedMbit ? `, ${wire.speedMbit} Mbit/s` : ""}`,
            ]
          : []),
      ]
      this.#line(`  ${facts.join("; ")}`)
    }
  }

  progress(words: string): void {
    if (this.#err.isTTY) this.#err.write(`\r\x1b[K${words.slice(0, 79)}`)
  }

  warning(words: string): void {
    this.#clear()
    this.#err.write(`warning: ${words}\n`)
  }

  group(report: GroupReport): void {
    this.#line("")
    for (const line of groupTable(report)) this.#line(line)
  }

  end({ seconds, warnings }: Report): void {
    const doubts = warnings.length === 0 ? "" : `, ${warnings.length} warning${warnings.length === 1 ? "" : "s"}`
    this.#line("")
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
