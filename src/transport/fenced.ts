/**
 * The word that ends a runner's process for good: its job was started anew, so that another process is the runner now. Owns how it is
 * said (a close code of its own) and how it is recognized; what follows from it is the runner's business.
 */
import { HandshakeError } from "../shared/errors.ts"

/** Another incarnation of the runner is there, or this one was given up: nothing of it is wanted any more. */
export class FencedError extends HandshakeError {}

/** True when `error`, or what caused it, is the parent's word that this process is not the runner any more. */
export function isFenced(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof FencedError) return true
  return false
}
