/** Numbers the objects of one message, so that one met again can be referred to. Knows nothing of what they are. */

/** Up to so many objects a look at each of them is quicker than a Set, which has to make an identity hash for every one. */
const FEW = 12

export class Identity {
  /** The first objects, in order of meeting. */
  private readonly few: object[] = []
  /** All of them, once they are more: an object's position is its number. One lookup, where a map of numbers needs two. */
  private many: Set<object> | undefined
  /** How many `many` holds: asking it twice for each object takes longer than counting. */
  private count = 0
  /** The same with the numbers, made when an object is met twice for the first time. */
  private ids: Map<object, number> | undefined

  /** True once any object was met twice. */
  get shared(): boolean {
    return this.ids !== undefined
  }

  /** How many objects were met. */
  get size(): number {
    return (this.ids ?? this.many)?.size ?? this.few.length
  }

  /** Undefined for a new object, which gets the next number; else its number. */
  meet(object: object): number | undefined {
    if (this.ids !== undefined) return this.find(object)
    if (this.many !== undefined) {
      this.many.add(object)
      if (this.many.size === this.count) return this.find(object)
      this.count++
      return undefined
    }
    const { few } = this
    for (let i = 0; i < few.length; i++) if (few[i] === object) return this.find(object)
    if (few.push(object) > FEW) {
      this.many = new Set(few)
      this.count = this.many.size
    }
    return undefined
  }

  /** Forgets all but the first `count` objects: what was made of the others is not sent. */
  forget(count: number): void {
    if (this.few.length > count) this.few.length = count
    for (const met of [this.many, this.ids]) {
      let position = 0
      for (const object of met?.keys() ?? []) if (position++ >= count) met?.delete(object)
    }
    this.count = this.many?.size ?? 0
  }

  private find(object: object): number | undefined {
    if (this.ids === undefined) {
      this.ids = new Map()
      for (const known of this.many ?? this.few) this.ids.set(known, this.ids.size)
    }
    const id = this.ids.get(object)
    if (id === undefined) this.ids.set(object, this.ids.size)
    return id
  }
}
