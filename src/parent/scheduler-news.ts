/**
 * What a pool tells of its scheduler: an event, and one line in one log, however many pools of the program hear of it. Owns who has
 * been told; what the news is the backend knows.
 */
import type { Backend, SchedulerNews } from "../shared/backend.ts"
import type { PoolEmitter } from "./events.ts"
import { type Logger, silentLogger } from "./logger.ts"

/** News that are in a log. */
const logged = new WeakSet<SchedulerNews>()

/** Tells whatever `backend` has to say of its scheduler. @returns what ends that */
export function followScheduler(backend: Backend, emitter: PoolEmitter, logger: Logger): () => void {
  if (!backend.onScheduler) return () => {}
  return backend.onScheduler(news => {
    if (logger !== silentLogger && !logged.has(news)) {
      logged.add(news)
      // Both of them: whoever read that it is gone waits for the line that says that it is back.
      logger.warn({ scheduler: news.state }, news.message)
    }
    emitter.emit("scheduler", news)
  })
}
