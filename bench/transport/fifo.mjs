/** Who waits for an answer on a line that answers in order. `Array.shift` moves everything at 10,000 in flight, and the raw
 * peers must not pay for that. */
export class Fifo {
  #items = []
  #head = 0

  push(item) {
    this.#items.push(item)
  }

  shift() {
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head > 16_384 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
