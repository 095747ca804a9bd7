/** What a copy of `runner().keep()` is called until it is whole. Owns the name alone. */
import { randomBytes } from "node:crypto"

export const PARTIAL = /^\.slurm-flame-[0-9a-f]{16}\.part$/

/** A new one. */
export function partialName(): string {
  return `.slurm-flame-${randomBytes(8).toString("hex")}.part`
}
