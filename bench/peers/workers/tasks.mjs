/** The tasks of a thread of a pool: a pool gives a task one argument. */
import * as service from "../lib/service.mjs"

export const add = ([a, b]) => service.add(a, b)
export const { echo, sink, source, rows } = service
