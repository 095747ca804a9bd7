/**
 * Who never leaves one process: threads of the client, and what is no runner at all. They show what a wire costs, and are no rivals of what
 * has one. Owns their names alone, as a report tells subjects by their names.
 */
import type { Subject } from "./report.ts"

const THREADS: readonly Subject[] = ["comlink worker_threads", "piscina", "tinypool", "node -e 0"]

/** Also `comlink worker_threads, direct` and its like. */
export function isThread(subject: Subject): boolean {
  return THREADS.some(name => subject === name || subject.startsWith(`${name},`))
}

/** What is said of them wherever they stand beside those with a wire. */
export const SAME_PROCESS = "same process, no wire"

/** Behind their names where there is no room for that. */
export const MARK = "†"

/** For below a plot or a table; nothing where none of them is in it. */
export function footnote(subjects: readonly Subject[]): string | undefined {
  return subjects.some(isThread) ? `${MARK} ${SAME_PROCESS}` : undefined
}

/** The name with its mark. @param shown the name as there is room for it */
export function marked(subject: Subject, shown: string = subject): string {
  return isThread(subject) ? `${shown} ${MARK}` : shown
}
