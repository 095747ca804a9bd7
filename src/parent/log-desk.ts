/**
 * Between those who listen to a pool's `log` event and the runners, which send lines only while somebody does. Owns whether
 * somebody does; knows runners as those who want to hear of that.
 */
import type { LogStream } from "../transport/protocol.ts"

/** One line that user code wrote on a runner. */
export interface LogLine {
  readonly runnerId: string
  /** Slurm's job id, or the local one. */
  readonly jobId: string
  readonly stream: LogStream
  /** Without its end. Cut after 8 KiB, which it then says. */
  readonly line: string
}

export class LogDesk {
  readonly #tell: (line: LogLine) => void
  readonly #watchers = new Set<(wanted: boolean) => void>()
  #wanted = false

  /** @param tell Hears each line. */
  constructor(tell: (line: LogLine) => void) {
    this.#tell = tell
  }

  /** Somebody listens. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Whether somebody listens from now on. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    for (const watcher of [...this.#watchers]) watcher(wanted)
  }

  /** Calls `watcher` at each change of `wanted`. @returns what stops that */
  watch(watcher: (wanted: boolean) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Lines of one runner, as they came. */
  lines(runnerId: string, jobId: string, stream: LogStream, lines: readonly string[]): void {
    if (!this.#wanted) return // they were on their way when the last listener left
    for (const line of lines) this.#tell({ runnerId, jobId, stream, line })
  }
}
