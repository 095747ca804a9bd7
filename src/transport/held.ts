/** An object held by reference, from either side of it: what those need who only count it. Types only, and none that leads on. */

export interface Held {
  /** Calls `listener` when the object is over; at once if it is. */
  onOver(listener: () => void): void
  /** Has it disposed of, for one who does not wait for that. Never rejects. */
  letGo(): Promise<void>
}
