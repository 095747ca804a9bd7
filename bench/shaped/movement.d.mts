import type { Report } from "../suite/report.ts"

export interface ShapedRun {
  readonly shape: string
  readonly report: Pick<Report, "groups">
}

export interface MovementRow {
  readonly figure: string
  readonly subject: string
  readonly unit: string
  /** Null for the figure itself. */
  readonly base: string | null
  readonly cells: readonly ({ value: number; n: number; slices: number } | null)[]
}

export function movement(runs: readonly ShapedRun[]): MovementRow[]
export function movementLines(runs: readonly ShapedRun[]): string[]
