/** The works that a client process can do, by name. One line each: a work is a file of works/. */
import type { Client } from "./client.ts"
import { beside } from "./works/beside.ts"
import { latency } from "./works/latency.ts"
import { openLoop } from "./works/open-loop.ts"
import { rate } from "./works/rate.ts"
import { sized } from "./works/sized.ts"
import { transfer } from "./works/transfer.ts"

/** Measures, and gives what is to cross to the suite. */
export type Work = (client: Client, options: any) => Promise<unknown>

export const WORKS: Readonly<Record<string, Work>> = {
  beside,
  latency,
  openLoop,
  rate,
  sized,
  transfer,
}
