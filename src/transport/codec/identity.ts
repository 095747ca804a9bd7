/** Numbers the objects of one message, so that one met again can be referred to. Knows nothing of what they are. */

/** Up to so many objects a look at each of them is quicker than a Set, which has to make an identity hash for every one. */
const FEW = 12

export class Identity {
  /** How many objects were met. Counted here: asking a Set for its size takes half as long as adding to it. */
  size = 0
  /** The first objects, in order of meeting. */
  private readonly few: object[] = []
  /** All of them, once they are more: an object's position is its number. One lookup, where a map of numbers needs two. */
  private many: Set<object> | undefined
  /** The same with the numbers, made when an object is met twice for the first time. */
  private ids: Map<object, number> | undefined

  /** True once any object was met twice. */
  get shared(): boolean {
    return this.ids !== undefined
  }

  /** Undefined for a new object, which gets the next number; else its number. */
  meet(object: object): number | undefined {
    const { many, few } = this
    if (this.ids !== undefined) return this.find(object, this.ids)
    if (many !== undefined) {
      many.add(object)
      if (many.size === this.size) return this.find(object, this.number(many))
    } else {
      for (let i = 0; i < few.length; i++) if (few[i] === object) return this.find(object, this.number(few))
      if (few.push(object) > FEW) this.many = new Set(few)
    }
    this.size++
    return undefined
  }

  /** Forgets all but the first `count` objects: what was made of the others is not sent. */
  forget(count: number): void {
    if (this.size === count) return
    this.size = count
    if (this.few.length > count) this.few.length = count
    for (const met of [this.many, this.ids]) {
      let position = 0
      for (const object of met?.keys() ?? []) if (position++ >= count) met?.delete(object)
    }
  }

  private number(met: Iterable<object>): Map<object, number> {
    this.ids = new Map()
    for (const object of met) this.ids.set(object, this.ids.size)
    return this.ids
  }

  private find(object: object, ids: Map<object, number>): number | undefined {
    const id = ids.get(object)
    if (id === undefined) ids.set(object, this.size++)
    return id
  }
}
