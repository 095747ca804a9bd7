/** Numbers the objects of one message, so that one met again can be referred to. Knows nothing of what they are. */
export class Identity {
  /** In order of meeting: an object's position is its number. One lookup per object, where a map of numbers needs two. */
  private readonly seen = new Set<object>()
  /** The same with the numbers, made when an object is met twice for the first time. */
  private ids: Map<object, number> | undefined

  /** True once any object was met twice. */
  get shared(): boolean {
    return this.ids !== undefined
  }

  /** How many objects were met. */
  get size(): number {
    return this.ids === undefined ? this.seen.size : this.ids.size
  }

  /** Undefined for a new object, which gets the next number; else its number. */
  meet(object: object): number | undefined {
    if (this.ids === undefined) {
      const before = this.seen.size
      this.seen.add(object)
      if (this.seen.size !== before) return undefined
      this.ids = new Map()
      for (const known of this.seen) this.ids.set(known, this.ids.size)
    }
    const id = this.ids.get(object)
    if (id === undefined) this.ids.set(object, this.ids.size)
    return id
  }

  /** Forgets all but the first `count` objects: what was made of the others is not sent. */
  forget(count: number): void {
    const met = this.ids ?? this.seen
    let position = 0
    for (const object of met.keys()) if (position++ >= count) met.delete(object)
  }
}
