/** The works that a client process can do, by name. One line each: a work is a file of works/. */
import type { Client } from "./client.ts"
import { latency } from "./works/latency.ts"

/** Measures, and gives what is to cross to the suite. */
export type Work = (client: Client, options: any) => Promise<unknown>

export const WORKS: Readonly<Record<string, Work>> = { latency }
