/** A timer for any duration: Node's own fire at once beyond 24.8 days. */
import { MAX_TIMER_MS } from "./duration.ts"

export interface LongTimer {
  stop(): void
  /** It does not keep the process alive. */
  unref(): this
}

/** Calls `action` after `ms` milliseconds; never when that is Infinity. */
export function after(ms: number, action: () => void): LongTimer {
  const due = performance.now() + ms
  let held = true
  let timer: NodeJS.Timeout | undefined
  const arm = () => {
    const left = due - performance.now()
    timer = setTimeout(left > MAX_TIMER_MS ? arm : action, Math.min(Math.max(0, left), MAX_TIMER_MS))
    if (!held) timer.unref()
  }
  if (Number.isFinite(ms)) arm()
  return {
    stop: () => clearTimeout(timer),
    unref() {
      held = false
      timer?.unref()
      return this
    },
  }
}
