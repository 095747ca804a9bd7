/** The module that slurm-flame's runner serves for the transport benchmark: what `raw.mjs` is for the raw peers. */
import * as flame from "slurm-flame/runner"
import { resetPeak as forgetPeak, memory as weigh } from "../memory.mjs"
import { floats } from "../values.mjs"

// `transfer` may not exist in this version; the peers that need it are not opened then.
const give = array => flame.transfer(array, [array.buffer])
let prepared

export const add = (a, b) => a + b
export const echo = value => value
export const echoTransferred = array => give(array)
export const sink = array => array.length
export const prepare = mib => {
  prepared = floats(mib)
}
export const source = () => prepared
export const sourceTransferred = () => give(prepared)
export const memory = () => weigh()
export const resetPeak = () => forgetPeak()
