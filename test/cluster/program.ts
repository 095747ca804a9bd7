/**
 * A program of the user that runs beside a test and talks with it: JSON lines with an `event` on stdout, JSON lines on stdin.
 * Owns the conversation and the end of the process; does not know what the program does.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { createInterface } from "node:readline"

/** One line that the program printed. */
export interface ProgramEvent {
  event: string
  [field: string]: any
}

export interface ProgramResult {
  /** Null when a signal ended the program. */
  code: number | null
  signal: NodeJS.Signals | null
  events: ProgramEvent[]
  /** The lines of stdout that were no events. */
  stdout: string
  stderr: string
}

interface Waiter {
  event: string
  resolve(value: ProgramEvent): void
  reject(error: Error): void
}

/** How long `next` waits; longer than anything a healthy cluster needs. Milliseconds. */
const EVENT_DEADLINE = 90_000
/** How long after the exit stdout may stay open because a child of the program holds it. Milliseconds. */
const PIPE_GRACE = 500

/** All that were started and not yet ended by `endPrograms`. */
const started = new Set<Program>()

export class Program {
  /** The process of the program itself, not of a wrapper. */
  readonly pid: number
  /** Resolves when the program has ended, however it ended. */
  readonly result: Promise<ProgramResult>
  readonly #name: string
  readonly #child: ChildProcessWithoutNullStreams
  readonly #events: ProgramEvent[] = []
  #unread: ProgramEvent[] = []
  #waiters: Waiter[] = []
  #ended: ProgramResult | undefined
  #stdout = ""
  #stderr = ""

  constructor(argv: readonly string[], options: { name: string; cwd: string; env: Record<string, string> }) {
    this.#name = options.name
    // In a process group of its own, so that endPrograms reaches what the program left behind.
    this.#child = spawn(argv[0]!, argv.slice(1), { cwd: options.cwd, env: options.env, detached: true })
    this.pid = this.#child.pid ?? -1
    this.#child.stdin.on("error", () => undefined) // the program has ended; `result` tells
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text
    })
    createInterface({ input: this.#child.stdout }).on("line", line => this.#read(line))
    this.result = this.#watch()
    started.add(this)
  }

  /**
   * The next line with this event that no earlier call got. A line that is no event can be had as the event `line`, with its `text`.
   * @throws with all that the program said, if it ends first or the deadline passes
   */
  next(event: string): Promise<ProgramEvent> {
    const at = this.#unread.findIndex(one => one.event === event)
    if (at >= 0) return Promise.resolve(this.#unread.splice(at, 1)[0]!)
    if (this.#ended !== undefined) return Promise.reject(this.#missing(event))
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#waiters = this.#waiters.filter(one => one !== waiter)
        act()
      }
      const waiter: Waiter = {
        event,
        resolve: value => settle(() => resolve(value)),
        reject: error => settle(() => reject(error)),
      }
      const timer = setTimeout(() => waiter.reject(this.#missing(event)), EVENT_DEADLINE)
      this.#waiters.push(waiter)
    })
  }

  /** Writes one JSON line to the program's stdin. */
  send(value: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(value)}\n`)
  }

  /** Says that nothing more will come: ends the program's stdin, upon which it should end by itself. */
  hangUp(): void {
    this.#child.stdin.end()
  }

  /** Signals the program alone, not its children. */
  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    this.#child.kill(signal)
  }

  /** Kills whatever is left of the program and its children, and waits for its end. */
  async end(): Promise<void> {
    started.delete(this)
    try {
      if (this.pid > 0) process.kill(-this.pid, "SIGKILL")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
    await this.result
  }

  #read(line: string): void {
    const event = parseEvent(line)
    if (event === undefined) this.#stdout += `${line}\n`
    else this.#events.push(event)
    this.#hand(event ?? { event: "line", text: line })
  }

  #hand(event: ProgramEvent): void {
    const waiter = this.#waiters.find(one => one.event === event.event)
    if (waiter === undefined) this.#unread.push(event)
    else waiter.resolve(event)
  }

  #watch(): Promise<ProgramResult> {
    return new Promise(resolve => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        if (this.#ended !== undefined) return
        this.#ended = { code, signal, events: this.#events, stdout: this.#stdout, stderr: this.#stderr }
        for (const waiter of [...this.#waiters]) waiter.reject(this.#missing(waiter.event))
        resolve(this.#ended)
      }
      this.#child.once("error", error => {
        this.#stderr += String(error)
        end(null, null)
      })
      let grace: NodeJS.Timeout | undefined
      this.#child.once("exit", (code, signal) => {
        grace = setTimeout(end, PIPE_GRACE, code, signal)
      })
      this.#child.once("close", (code, signal) => {
        clearTimeout(grace)
        end(code, signal)
      })
    })
  }

  #missing(event: string): Error {
    const ended = this.#ended
    const how =
      ended === undefined
        ? `did not say "${event}" within ${EVENT_DEADLINE / 1000} s`
        : `ended (code ${ended.code}, signal ${ended.signal}) without saying "${event}"`
    const said = this.#events.map(one => JSON.stringify(one)).join("\n")
    return new Error(
      `${this.#name} ${how}\n--- events\n${said}\n--- stdout\n${this.#stdout}\n--- stderr\n${this.#stderr}`,
    )
  }
}

function parseEvent(line: string): ProgramEvent | undefined {
  if (!line.startsWith("{")) return undefined
  try {
    const value = JSON.parse(line) as ProgramEvent
    return typeof value.event === "string" ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined // ordinary output that begins with a brace
    throw error
  }
}

/** Ends every program that a test started: for `afterEach`. */
export async function endPrograms(): Promise<void> {
  await Promise.all([...started].map(program => program.end()))
}
