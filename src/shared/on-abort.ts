/**
 * One abort listener per signal, whoever waits for it: a signal shared by many calls must not make Node warn of a leak, nor
 * make each of them search through the listeners of all the others when it ends. Owns the listeners; knows no caller.
 */

/** An object per registration: the same function may be registered twice. */
interface Waiter {
  readonly listener: () => void
}

interface Watch {
  readonly waiters: Set<Waiter>
  readonly tell: () => void
}

const watches = new WeakMap<AbortSignal, Watch>()

/**
 * Calls `listener` when `signal` is aborted: at most once, and never for one that is aborted already (look at `aborted`
 * first). What a listener throws becomes an uncaught exception, as with any event listener, and keeps no other from hearing.
 * @returns Stops listening; harmless when called again. With the last one gone nothing of ours is left on the signal.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) return () => {}
  let watch = watches.get(signal)
  if (!watch) {
    const waiters = new Set<Waiter>()
    watch = { waiters, tell: () => tellAll(waiters) }
    watches.set(signal, watch)
    signal.addEventListener("abort", watch.tell, { once: true })
  }
  const { waiters, tell } = watch
  const waiter = { listener }
  waiters.add(waiter)
  return () => {
    if (!waiters.delete(waiter) || waiters.size > 0) return
    signal.removeEventListener("abort", tell)
    watches.delete(signal)
  }
}

/** Whoever is removed by one that is told before is not told. */
function tellAll(waiters: Set<Waiter>): void {
  for (const waiter of waiters) {
    waiters.delete(waiter)
    try {
      waiter.listener()
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
