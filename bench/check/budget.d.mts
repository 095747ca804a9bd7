/** Types of budget.mjs, for its tests. */
export const LEAST: number

export interface Share {
  more(done: number, most?: number): boolean
  seconds(): number
}

export function budget(
  weights: Readonly<Record<string, number>>,
  seconds: number,
  now?: () => number,
): { over(): boolean; of(group: string): Share }
