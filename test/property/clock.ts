/**
 * A clock that stands still until it is told to go on, in place of the process' own: of timers, `performance.now` and `Date.now`. What waits
 * for an hour takes no time, and a timer that is left behind is seen. Immediates and microtasks are the real ones.
 */

class Timer {
  held = true
  constructor(
    readonly clock: Clock,
    readonly action: () => void,
    public dueAt: number,
    /** Undefined: it fires once. */
    readonly everyMs: number | undefined,
  ) {}
  ref(): this {
    this.held = true
    return this
  }
  unref(): this {
    this.held = false
    return this
  }
  hasRef(): boolean {
    return this.held
  }
}

type Action = (...args: unknown[]) => void

export class Clock {
  readonly #timers = new Set<Timer>()
  readonly #restore: () => void
  #now = 1_000_000

  /** Takes the place of the real one until `uninstall`. */
  constructor() {
    const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis
    const set = (action: Action, ms = 0, every: boolean, args: unknown[]) => {
      const delay = Math.max(1, ms)
      const timer = new Timer(this, () => action(...args), this.#now + delay, every ? delay : undefined)
      this.#timers.add(timer)
      return timer
    }
    const clear = (timer: unknown) => this.#timers.delete(timer as Timer)
    Object.assign(globalThis, {
      setTimeout: (action: Action, ms?: number, ...args: unknown[]) => set(action, ms, false, args),
      setInterval: (action: Action, ms?: number, ...args: unknown[]) => set(action, ms, true, args),
      clearTimeout: clear,
      clearInterval: clear,
    })
    const { now: dateNow } = Date
    const startedAt = dateNow() - this.#now
    Date.now = () => startedAt + this.#now
    Object.defineProperty(performance, "now", { value: () => this.#now, configurable: true, writable: true })
    this.#restore = () => {
      Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval })
      Date.now = dateNow
      Reflect.deleteProperty(performance, "now") // the prototype's own is under it
    }
  }

  get now(): number {
    return this.#now
  }

  /** Timers that would hold a process. */
  get held(): number {
    return [...this.#timers].filter(timer => timer.held).length
  }

  /** Fires what is due within `ms`, one after the other, each in a turn of its own. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      let next: Timer | undefined
      for (const timer of this.#timers) if (!next || timer.dueAt < next.dueAt) next = timer
      if (!next || next.dueAt > until) break
      this.#now = next.dueAt
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.dueAt += next.everyMs
      next.action()
      await turn()
    }
    this.#now = until
  }

  uninstall(): void {
    this.#restore()
  }
}

/** All that was to happen at once has happened. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
