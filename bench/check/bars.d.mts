/** Types of bars.mjs, for the tests and benchmarks written in TypeScript. */
export interface Bar {
  readonly id: string
  readonly group: string
  readonly what: string
  readonly subject: string
  readonly base?: string | undefined
  readonly unit?: string | undefined
  readonly atMost?: number | undefined
  readonly atLeast?: number | undefined
  readonly from: string
  readonly brief: boolean
  readonly known?: string | undefined
}

export const BARS: readonly Bar[]
export function limit(id: string): { atMost: number } | { atLeast: number }
