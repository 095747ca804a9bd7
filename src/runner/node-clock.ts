/**
 * A clock that all processes of this node share and that nobody sets: milliseconds since it was booted. For what one process tells another
 * that may hear of it late, since its event loop is blocked: a moment stays right, "so much is left" does not.
 */
export function nodeNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
