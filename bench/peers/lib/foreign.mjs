/**
 * A program of another runtime that speaks with us over its file descriptor 3: messages of four bytes of length (big endian) and
 * as many bytes. Ours begin with a letter that says what is wanted; its begin with 0 and the answer, or with 1 and why there is none,
 * in the order of the questions. Its first message says that it is ready. It ends when the descriptor does, so it cannot outlive us.
 *
 *     A two doubles                                                    -> their sum, a double
 *     E bytes                                                          -> the same
 *     S bytes                                                          -> their number, a double
 *     O length, a double                                               -> that many bytes
 *     M method's letter (B: sink and source in turns), bytes, in flight, ms: three doubles            -> seconds, then microseconds of each call: doubles
 *
 * The doubles are little endian.
 */
import { spawn } from "node:child_process"

/** Of what it wrote to its output, for the error when it fails. */
const TAIL = 2_000
/** For a program to end by itself, in ms. */
const GRACE = 10_000

const LETTERS = { add: "A", echo: "E", sink: "S", source: "O", both: "B" }

export class Foreign {
  #child
  #pipe
  #exited
  #tail = ""
  #waiting = []
  #chunks = []
  #buffered = 0

  /**
   * Starts the program and waits until it is ready.
   * @param options `env`: added to ours; `hello`: the first message to it, if it wants one
   * @returns the program and what it said when it was ready
   * @throws Error when it ends before, with the last that it wrote
   */
  static async start(command, args, { env = {}, hello } = {}) {
    const program = new Foreign(command, args, env)
    const ready = program.#answer()
    if (hello !== undefined) program.#write(Buffer.from(hello))
    try {
      return { program, ready: await ready }
    } catch (error) {
      await program.close()
      throw error
    }
  }

  constructor(command, args, env) {
    this.#child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    })
    this.#exited = new Promise(resolve => {
      this.#child.once("error", error => this.#fail(`${command} did not start: ${error.message}`, resolve))
      this.#child.once("close", (code, signal) => {
        this.#fail(`${command} ended (${signal ?? `code ${code}`})${this.#tail && `: ${this.#tail.trim()}`}`, resolve)
      })
    })
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output.setEncoding("utf8").on("data", text => {
        this.#tail = (this.#tail + text).slice(-TAIL)
      })
    }
    this.#pipe = this.#child.stdio[3]
    this.#pipe.on("data", data => this.#receive(data))
    // A program that has ended is told by its exit, with a reason.
    this.#pipe.on("error", () => {})
  }

  /** As a `Client`: everything but `close`. */
  get methods() {
    const bytes = async (letter, payload) => new Uint8Array(await this.#ask(letter, payload))
    const number = async (letter, payload) => (await this.#ask(letter, payload)).readDoubleLE()
    return {
      add: (a, b) => number("A", doubles(a, b)),
      echo: payload => bytes("E", payload),
      sink: payload => number("S", payload),
      source: length => bytes("O", doubles(length)),
      slice: async ({ method, bytes, inFlight, ms }) => {
        const what = Buffer.concat([Buffer.from(LETTERS[method]), doubles(bytes, inFlight, ms)])
        // A copy, since the answer begins at any place, and numbers only at some.
        const all = new Float64Array(new Uint8Array(await this.#ask("M", what)).buffer)
        return { seconds: all[0], us: all.slice(1) }
      },
    }
  }

  /** Waits until it has ended, and ends it when it does not. */
  async close() {
    this.#pipe.end()
    const killed = setTimeout(() => this.#child.kill("SIGKILL"), GRACE)
    await this.#exited
    clearTimeout(killed)
  }

  #ask(letter, payload) {
    const answer = this.#answer()
    this.#write(Buffer.from(letter), payload)
    return answer
  }

  #answer() {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #write(...parts) {
    const header = Buffer.alloc(4)
    header.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 0))
    this.#pipe.cork()
    for (const part of [header, ...parts]) this.#pipe.write(part)
    this.#pipe.uncork()
  }

  #receive(data) {
    this.#chunks.push(data)
    this.#buffered += data.length
    for (;;) {
      const length = this.#peekLength()
      if (length === undefined || this.#buffered < 4 + length) return
      const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
      const message = all.subarray(4, 4 + length)
      this.#chunks = [all.subarray(4 + length)]
      this.#buffered = this.#chunks[0].length
      const { resolve, reject } = this.#waiting.shift()
      if (message[0] === 0) resolve(message.subarray(1))
      else reject(new Error(message.toString("utf8", 1)))
    }
  }

  #peekLength() {
    if (this.#buffered < 4) return undefined
    if (this.#chunks[0].length < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0].readUInt32BE()
  }

  #fail(reason, resolve) {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(reason))
    resolve()
  }
}

function doubles(...numbers) {
  const bytes = Buffer.alloc(8 * numbers.length)
  for (const [i, number] of numbers.entries()) bytes.writeDoubleLE(number, 8 * i)
  return bytes
}
