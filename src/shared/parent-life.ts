/**
 * Whether the parent of a run lives: by its process where that can be seen, else by its port. Owns that judgement, and its doubt: what
 * is not certain is unknown, and nobody may take it for dead.
 */
import { connect, isIP } from "node:net"
import { type ProcessMark, whereabouts } from "./process-mark.ts"
import type { RunRecord } from "./run-record.ts"

/**
 * `alive`, `dead`: certain. `refused`: seen from elsewhere, nobody listens at its port; that is death, or a firewall on the way which
 * answers in the parent's stead. `unknown`: out of sight.
 */
export type ParentLife = "alive" | "dead" | "refused" | "unknown"

/** How long a port may take to answer, in ms. A host that is gone does not answer at all. */
const ANSWER_MS = 2_000

/**
 * On the parent's own machine its process decides. From elsewhere (a home directory shared by several login nodes) its port is asked:
 * a parent listens as long as it lives.
 */
export async function parentLife(
  { parent, address }: Pick<RunRecord, "parent" | "address">,
  own?: ProcessMark,
  answerMs = ANSWER_MS,
): Promise<ParentLife> {
  const seen = whereabouts(parent, own)
  return seen === "elsewhere" ? await knock(address, answerMs) : seen
}

async function knock({ host, port }: RunRecord["address"], answerMs: number): Promise<ParentLife> {
  // Elsewhere it is somebody else's loopback.
  if (isIP(host) === 0 || /^127\.|^::1$/.test(host)) return "unknown"
  return await new Promise(resolve => {
    const socket = connect({ host, port })
    const tell = (life: ParentLife) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(life)
    }
    const timer = setTimeout(tell, answerMs, "unknown")
    socket.once("connect", () => tell("alive"))
    socket.once("error", (error: NodeJS.ErrnoException) => tell(error.code === "ECONNREFUSED" ? "refused" : "unknown"))
  })
}
