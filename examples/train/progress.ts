/**
 * Shows a running search. On a terminal: one line per runner, redrawn in place; in a pipe or a file: one line per finished
 * configuration. Owns the screen while the search runs; is told what happens and asks nobody.
 */
import { clearScreenDown, moveCursor } from "node:readline"
import type { WriteStream } from "node:tty"
import { styleText } from "node:util"
import { describeConfig } from "./search.ts"
import { percent, plural } from "./table.ts"
import type { EpochReport, TrainResult } from "./train.ts"
import type { TrainConfig } from "./training.ts"

/** Two reports within this many milliseconds are drawn as one: the eye sees no more, and a slow terminal would lag. */
const REDRAW_MS = 50
const BAR_WIDTH = 16

/** The live view of one search over `total` configurations. */
export class Progress {
  readonly #rows = new Map<string, { config: TrainConfig; report: EpochReport }>()
  readonly #start = Date.now()
  #finished = 0
  #failed = 0
  #best = 0
  #drawnLines = 0
  #timer: NodeJS.Timeout | undefined

  constructor(
    readonly total: number,
    readonly out: WriteStream = process.stdout,
  ) {}

  /** A runner finished an epoch of `config`. */
  epoch(config: TrainConfig, report: EpochReport): void {
    this.#rows.set(report.runner, { config, report })
    this.#redrawSoon()
  }

  /** A configuration is done. */
  done(config: TrainConfig, result: TrainResult): void {
    this.#finished++
    this.#best = Math.max(this.#best, result.accuracy)
    const where = `${result.runner} on ${result.node}`
    this.#line(
      `${this.#count()} ${percent(result.accuracy)}  ${describeConfig(config)}  ${result.seconds.toFixed(1)} s  ${where}`,
    )
  }

  /** A configuration failed. Stays on the screen, on a terminal too; the first line of the error only. */
  failed(config: TrainConfig, error: Error): void {
    this.#finished++
    this.#failed++
    this.#erase()
    const [why] = error.message.split("\n", 1)
    this.out.write(`${this.#count()} failed  ${describeConfig(config)}: ${why}\n`)
    this.#redrawSoon()
  }

  /** Draws the last state and gives the screen back. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.out.isTTY) this.#draw()
    this.#drawnLines = 0
  }

  #line(text: string): void {
    if (this.out.isTTY) this.#redrawSoon()
    else this.out.write(`${text}\n`)
  }

  #redrawSoon(): void {
    if (!this.out.isTTY) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#draw()
    }, REDRAW_MS).unref()
  }

  #erase(): void {
    if (!this.out.isTTY || this.#drawnLines === 0) return
    moveCursor(this.out, 0, -this.#drawnLines)
    clearScreenDown(this.out)
    this.#drawnLines = 0
  }

  #draw(): void {
    const width = Math.max(20, this.out.columns || 80) - 1
    // What has scrolled off the top cannot be redrawn: no more rows than the screen has.
    const runners = [...this.#rows.values()].slice(0, Math.max(1, (this.out.rows || 24) - 2))
    const lines = runners.map(row =>
      paint(row.report.epoch === row.report.epochs ? "green" : "cyan", rowText(row), width),
    )
    lines.push(paint("bold", this.#summary(), width))
    this.#erase()
    this.out.write(`${lines.join("\n")}\n`)
    this.#drawnLines = lines.length
  }

  #summary(): string {
    const failed = this.#failed > 0 ? `, ${this.#failed} failed` : ""
    const seconds = ((Date.now() - this.#start) / 1_000).toFixed(0)
    return `${this.#count()} configurations${failed}, best ${percent(this.#best)}, ${plural(this.#rows.size, "runner")}, ${seconds} s`
  }

  #count(): string {
    return `${String(this.#finished).padStart(String(this.total).length)}/${this.total}`
  }
}

function rowText({ config, report }: { config: TrainConfig; report: EpochReport }): string {
  const filled = Math.round((report.epoch / report.epochs) * BAR_WIDTH)
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled)
  const score = `${percent(report.accuracy)}  loss ${report.loss.toFixed(3)}`
  return `${report.runner}  ${report.node}  ${bar} ${report.epoch}/${report.epochs}  ${score}  ${describeConfig(config)}`
}

/** Cuts before it colours: an escape sequence has no width, and half of one would leak. */
function paint(style: Parameters<typeof styleText>[0], text: string, width: number): string {
  const cut = text.slice(0, width)
  return process.env.NO_COLOR ? cut : styleText(style, cut)
}
