/**
 * The groups of the check, in their order: what measures each, and how many seconds it takes on a machine with nothing else to do. A
 * weight of 0 leaves it out of a brief check. `measure({ share, brief })` resolves with the samples of its bars, id -> values by round.
 */
import { bulk } from "./groups/bulk.mjs"
import { cold } from "./groups/cold.mjs"
import { flight } from "./groups/flight.mjs"
import { hol } from "./groups/hol.mjs"
import { idle } from "./groups/idle.mjs"
import { memory } from "./groups/memory.mjs"
import { pool } from "./groups/pool.mjs"
import { rows } from "./groups/rows.mjs"
import { small } from "./groups/small.mjs"

export const GROUPS = {
  small: { measure: small, full: 12, brief: 8 },
  flight: { measure: flight, full: 16, brief: 14 },
  rows: { measure: rows, full: 10, brief: 8 },
  pool: { measure: pool, full: 26, brief: 18 },
  cold: { measure: cold, full: 8, brief: 6 },
  // What moves most memory suffers most on a busy machine, and would leave the others no time.
  memory: { measure: memory, full: 18, brief: 12 },
  bulk: { measure: bulk, full: 12, brief: 10 },
  hol: { measure: hol, full: 28, brief: 14 },
  // Last: it takes as long as it takes.
  idle: { measure: idle, full: 52, brief: 0 },
}
