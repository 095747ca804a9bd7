/** One peer's client process, seen from the benchmark. Owns the process and the one question it may be working on. */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"

const CLIENT = fileURLToPath(new URL("./client.mjs", import.meta.url))

export class PeerProcess {
  #child
  #name
  #waiting
  #exited

  /** Starts the process of the peer `{ name, … }`. @throws Error when it cannot be opened, with what it said */
  static async open(spec) {
    const peer = new PeerProcess(spec)
    await peer.#answer()
    return peer
  }

  constructor(spec) {
    this.#name = spec.name
    this.#child = fork(CLIENT, [JSON.stringify(spec)])
    this.#child.on("message", ({ result, error }) => {
      if (error) this.#waiting?.reject(new Error(`${this.#name}: ${error}`))
      else this.#waiting?.resolve(result)
    })
    this.#exited = new Promise(resolve => {
      this.#child.once("exit", (code, signal) => {
        this.#waiting?.reject(new Error(`the client of ${this.#name} ended (${signal ?? `code ${code}`}): see above`))
        resolve()
      })
    })
  }

  get name() {
    return this.#name
  }

  /** Has it do one of the works of client.mjs. @throws Error what the work threw, or that the process ended */
  work(work, options) {
    const answer = this.#answer()
    this.#child.send({ work, options })
    return answer
  }

  async close() {
    if (this.#child.connected) this.#child.send({ work: "close" })
    await this.#exited
  }

  #answer() {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }
}
