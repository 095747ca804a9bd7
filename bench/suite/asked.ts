/**
 * A process that answers questions, seen from who asks. Owns the process, the answers that are awaited, and their failure when it ends or
 * is silent. Knows no question.
 */
import { type ChildProcess, fork } from "node:child_process"
import type { News } from "./wait.ts"

/** What goes there. */
export interface Question {
  readonly id: number
  readonly ask: string
  readonly with: unknown
}

/** What comes back. `lost`: it will answer nothing any more, and why. `news`: words for people, before an answer. */
export type Answer =
  | { readonly id: number; readonly result?: unknown; readonly error?: Failure }
  | { readonly lost: string }
  | News

export interface Failure {
  readonly message: string
  readonly stack: string | undefined
}

/** It gave no answer in time, and was ended. */
export class Silence extends Error {
  override readonly name = "Silence"
}

interface Awaited {
  resolve(value: unknown): void
  reject(error: Error): void
  readonly timer: NodeJS.Timeout
}

/** From SIGTERM to SIGKILL of one that does not end by itself. */
const KILL_MS = 20_000

export class Asked {
  readonly name: string
  readonly #child: ChildProcess
  readonly #awaited = new Map<number, Awaited>()
  readonly #exited: Promise<boolean>
  readonly #onLost: (error: Error) => void
  readonly #onNews: (news: News) => void
  #lost: Error | undefined
  #closing = false
  #id = 0

  /**
   * Starts the program.
   * @param name for messages: "the client of raw ws"
   * @param onLost called once when it is of no more use, unless it was closed
   * @param onNews what it has to say before an answer, in words
   */
  constructor(
    program: URL,
    name: string,
    onLost: (error: Error) => void = () => undefined,
    onNews: (news: News) => void = () => undefined,
  ) {
    this.name = name
    this.#onLost = onLost
    this.#onNews = onNews
    // Structured clones: typed arrays cross as they are.
    this.#child = fork(program, { serialization: "advanced" })
    this.#child.on("message", message => this.#hear(message as Answer))
    this.#exited = new Promise(resolve => {
      this.#child.on("error", error => {
        this.#lose(new Error(`${name} cannot be reached: ${error.message}`))
        if (this.#child.pid === undefined) resolve(false) // it has never been there, and there is no `exit` of it
      })
      this.#child.once("exit", (code, signal) => {
        this.#lose(new Error(`${name} ended (${signal ?? `exit code ${code}`}): what it said is above`))
        resolve(code === 0)
      })
    })
  }

  /** Why it is of no more use; undefined while it is. */
  get lost(): Error | undefined {
    return this.#lost
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Asks, and waits for the answer.
   * @param ms how long; after that the process is taken for stuck and ended
   * @param elsewhere asked before that, and never rejects: what is to be told as the reason when it is not the process that is stuck
   * @throws Error what it threw there, or that the process ended
   * @throws Silence when it was silent
   */
  ask<T>(ask: string, what: unknown, ms: number, elsewhere?: () => Promise<Error | undefined>): Promise<T> {
    if (this.#lost) return Promise.reject(this.#lost)
    const id = ++this.#id
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(async () => {
        const reason = await elsewhere?.()
        if (!this.#awaited.has(id)) return // it has come after all, or all is over
        const words = `${this.name} was silent for ${Math.round(ms / 1_000)} s (asked for ${ask}), and was ended`
        this.#lose(reason ?? new Silence(words))
        this.#child.kill("SIGKILL")
      }, ms)
      this.#awaited.set(id, { resolve: value => resolve(value as T), reject, timer })
      this.#child.send({ id, ask, with: what } satisfies Question, error => {
        if (error) this.#lose(new Error(`${this.name} cannot be reached: ${error.message}`))
      })
    })
  }

  /** It is of no more use, for a reason of the caller's: whoever waits for an answer gets it. It is still to be closed. */
  abandon(error: Error): void {
    this.#closing = true
    this.#lose(error)
  }

  /** Ends it: it is asked to close what it holds, then killed. Resolves when it is gone: true when it had closed all that it held. */
  async close(): Promise<boolean> {
    this.#closing = true
    this.#lose(new Error(`${this.name} was closed`))
    if (this.#child.connected) this.#child.disconnect() // it closes what it holds, and ends
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), KILL_MS)
    const clean = await this.#exited
    clearTimeout(timer)
    return clean
  }

  #hear(answer: Answer): void {
    if ("lost" in answer) return this.#lose(new Error(answer.lost))
    if ("news" in answer) return this.#onNews(answer)
    const awaited = this.#awaited.get(answer.id)
    if (!awaited) return
    this.#awaited.delete(answer.id)
    clearTimeout(awaited.timer)
    if (!answer.error) return awaited.resolve(answer.result)
    const error = new Error(answer.error.message)
    if (answer.error.stack !== undefined) error.stack = answer.error.stack
    awaited.reject(error)
  }

  #lose(error: Error): void {
    if (this.#lost) return
    this.#lost = error
    for (const { reject, timer } of this.#awaited.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.#awaited.clear()
    if (!this.#closing) this.#onLost(error)
  }
}
