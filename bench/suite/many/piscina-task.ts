/** modules/crew.ts as piscina calls it: each function with one argument, the list of those that it takes. */
import * as api from "../modules/crew.ts"

export const add = ([a, b]: [number, number]): number => api.add(a, b)
export const sink = ([bytes]: [Uint8Array]): number => api.sink(bytes)
export const busy = ([steps]: [number]): number => api.busy(steps)
