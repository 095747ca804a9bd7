/**
 * A stream of short calls with numbers of their own, several under way at a time, for as long as the test wants. Owns the numbers and what came
 * of each call; knows neither pool nor fault.
 */
import { setTimeout as delay } from "node:timers/promises"

/** After a call that failed, so that a fault which fails them all at once is no flood. Milliseconds. */
const PAUSE = 100

export class Traffic {
  #done = []
  #failed = []
  #sent = 0
  #last
  #gapMs = 0
  #on = true
  #lanes
  #waiting = []

  /**
   * @param width calls under way at a time
   * @param call makes the call with this number; gives what it returned, which says `id`, `jobId` and `node`
   */
  constructor(width, call) {
    this.#lanes = Promise.all(Array.from({ length: width }, () => this.#lane(call)))
  }

  /** Resolves when `more` calls that were made after this have returned; with `node`, only those that ran there count. */
  passed(more, node) {
    return new Promise(resolve => this.#waiting.push({ from: this.#sent, more, node, resolve }))
  }

  /** Makes no more calls, and resolves with what came of all, and the longest time between two answers, in milliseconds. */
  async end() {
    this.#on = false
    await this.#lanes
    return { sent: this.#sent, done: this.#done, failed: this.#failed, gapMs: this.#gapMs }
  }

  async #lane(call) {
    while (this.#on) {
      const id = ++this.#sent
      const began = performance.now()
      try {
        const { jobId, node, id: echo } = await call(id)
        if (echo !== id) throw new Error(`call ${id} was given the answer of ${echo}`)
        const now = performance.now()
        this.#done.push({ id, jobId, node, ms: now - began })
        this.#gapMs = Math.max(this.#gapMs, now - (this.#last ?? now))
        this.#last = now
        this.#count(id, node)
      } catch (error) {
        this.#failed.push({ id, error })
        await delay(PAUSE)
      }
    }
  }

  #count(id, node) {
    for (const one of this.#waiting) {
      if (id > one.from && (one.node === undefined || one.node === node) && --one.more === 0) one.resolve()
    }
    this.#waiting = this.#waiting.filter(one => one.more > 0)
  }
}
