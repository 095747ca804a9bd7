/** All objects of one pool's runners that are held from here, so that closing the pool can release them. Holds no handle. */
import type { Held } from "../transport/held.ts"

export class HeldObjects {
  readonly #objects = new Set<Held>()
  #closing = false

  get size(): number {
    return this.#objects.size
  }

  /** From now on each of them is known until it is over; or released at once, when the pool closes. */
  add(objects: readonly Held[]): void {
    for (const object of objects) {
      if (this.#closing) void object.letGo()
      else this.#objects.add(object)
      object.onOver(() => this.#objects.delete(object))
    }
  }

  /** Releases all of them, and whatever comes later. */
  close(): void {
    this.#closing = true
    for (const object of this.#objects) void object.letGo()
  }
}
