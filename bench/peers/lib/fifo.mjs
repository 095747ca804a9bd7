/** Who waits for an answer, in order. An array's `shift` moves all of them; this does not. */
export class Fifo {
  #items = []
  #first = 0

  push(item) {
    this.#items.push(item)
  }

  /** Undefined when it is empty. */
  shift() {
    if (this.#first === this.#items.length) return undefined
    const item = this.#items[this.#first]
    this.#items[this.#first++] = undefined
    if (this.#first > 1_024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}
