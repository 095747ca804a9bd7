/**
 * What the terminal shows of a training that goes from job to job: a line for everything that happens to it, and between them how far it
 * is. Owns the words and the screen; is told what happens and asks nobody.
 */
import { clearLine, cursorTo } from "node:readline"
import type { WriteStream } from "node:tty"
import type { Report } from "./train.ts"

/** A runner, as events name it. */
export interface Place {
  readonly id: string
  readonly jobId: string | undefined
  readonly node: string | undefined
}

/** Where nobody redraws, how far it is is told this often, in milliseconds. */
const SELDOM_MS = 10_000

export class Journal {
  readonly #start = Date.now()
  #report: Report | undefined
  #told = 0

  constructor(
    readonly epochs: number,
    readonly out: WriteStream = process.stdout,
  ) {}

  /** What the training says of itself. */
  report(report: Report): void {
    this.#report = report
    const { epoch, loss, jobId, node } = report
    if (loss === undefined) {
      this.line(
        epoch === 0 ? `begins in job ${jobId} (${node})` : `goes on in job ${jobId} (${node}) after epoch ${epoch}`,
      )
    } else this.#progress(epoch, loss)
  }

  /** A successor is on its way. */
  handover(runner: Place, successor: Place): void {
    this.line(`${nameOf(runner)} is about to end: ${nameOf(successor)} is to take over`)
  }

  /** A runner takes no more work. */
  draining(runner: Place & { drainReason: string; leftMs: number }): void {
    const left = Number.isFinite(runner.leftMs) ? `, ${Math.round(runner.leftMs / 1_000)} s left` : ""
    this.line(`${nameOf(runner)} takes no more work: ${runner.drainReason}${left}`)
  }

  /** The training was interrupted, and is placed anew. */
  resumed(from: Place, reason: string, checkpoint: Date | undefined): void {
    const saved = checkpoint ? `saved after epoch ${this.#report?.epoch ?? 0}` : "nothing was saved"
    this.line(`interrupted on ${nameOf(from)}: ${reason}; ${saved}, and is placed anew`)
  }

  /** A runner is gone. */
  gone(runner: Place, reason: string): void {
    this.line(`${nameOf(runner)} is gone: ${reason}`)
  }

  /** Prints a line of its own. */
  line(text: string): void {
    this.#erase()
    this.out.write(`${this.#time()}  ${text}\n`)
  }

  #progress(epoch: number, loss: number): void {
    const text = `${this.#time()}  epoch ${String(epoch).padStart(String(this.epochs).length)}/${this.epochs}  loss ${loss.toFixed(4)}`
    if (this.out.isTTY) {
      this.#erase()
      this.out.write(text)
      return
    }
    const now = Date.now()
    if (now - this.#told < SELDOM_MS && epoch < this.epochs) return
    this.#told = now
    this.out.write(`${text}\n`)
  }

  #erase(): void {
    if (!this.out.isTTY) return
    cursorTo(this.out, 0)
    clearLine(this.out, 0)
  }

  #time(): string {
    return `${((Date.now() - this.#start) / 1_000).toFixed(1).padStart(6)} s`
  }
}

function nameOf({ id, jobId, node }: Place): string {
  if (jobId === undefined) return id
  return `job ${jobId}${node === undefined ? "" : ` (${node})`}`
}
