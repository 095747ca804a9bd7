/** What a crew is: several that serve modules/crew.ts at once, runners of ours or threads. Owns the contract that the works of a stage are written against. */

import type { BackendOptions } from "../backend.ts"

/** What a stage process is told to open. Crosses a process boundary: plain values only. */
export interface CrewSpec extends BackendOptions {
  readonly kind: "runners" | "threads" | "piscina"
  /** So many are wanted; fewer may come. */
  readonly size: number
  /** For the wait in the queue and the boot of all of them, ms. */
  readonly bootMs: number
  /** Of our runners. */
  readonly tls: boolean
  /** Two, on different nodes where that can be had: they are members for themselves, never a team. */
  readonly apart?: boolean
}

/** What came of it. */
export interface CrewAbout {
  readonly size: number
  /** Of each member in turn, where that is known. */
  readonly nodes: readonly string[]
  /** Why there are fewer than were wanted, or not where they were wanted. */
  readonly missing?: string
}

/** One of the crew, or some of them as one. */
export interface Member {
  call<T>(name: string, ...args: unknown[]): Promise<T>
}

export interface Crew {
  readonly about: CrewAbout
  /** One by one. Undefined where there is no talking to a single one. */
  member?(at: number): Member
  /** Has `body` call any of `count` members, as its pool chooses; the others rest. */
  team<T>(count: number, body: (team: Member) => Promise<T>): Promise<T>
  /** Marks a function that is called from over there. */
  back?<F extends (...args: never[]) => unknown>(fn: F): unknown
  close(): Promise<void>
}
