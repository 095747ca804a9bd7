/**
 * The stages between two moments, made of what several clocks saw in between. Owns the arithmetic: stages add up to the whole, none is
 * below zero, and what is not known is part of the stage behind it.
 */

/** A moment that ends a stage. */
export interface Mark {
  readonly stage: string
  /** In ms from the beginning; undefined: nobody saw it. */
  readonly at: number | undefined
}

export interface Stages {
  /** In ms, by stage, in the order of the marks. Together they are the whole. */
  readonly ms: ReadonlyMap<string, number>
  /** By how much the mark that lay most out of order was moved, in ms. More than the clocks are exact to: they disagree. */
  readonly movedMs: number
}

/**
 * Splits `whole` at the marks. A mark that lies before the one in front of it, or behind the end, is taken to be there: clocks of different
 * processes are not exact. A stage whose mark is not known is left out, and its time counts to the next one.
 * @param whole in ms
 * @param last the stage that ends with the whole
 */
export function split(whole: number, marks: readonly Mark[], last: string): Stages {
  const ms = new Map<string, number>()
  let before = 0
  let movedMs = 0
  for (const { stage, at } of marks) {
    if (at === undefined || !Number.isFinite(at)) continue
    const here = Math.min(Math.max(at, before), whole)
    movedMs = Math.max(movedMs, Math.abs(here - at))
    ms.set(stage, here - before)
    before = here
  }
  ms.set(last, whole - before)
  return { ms, movedMs }
}
