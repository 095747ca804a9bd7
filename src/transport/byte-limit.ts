/**
 * Cuts off a peer that sends more than it may before it is known. ws has one fixed maxPayload per socket, which is that of a
 * known peer; this counts what really arrives, whatever a frame's header announces. Knows no protocol.
 */
import type { Socket } from "node:net"

/**
 * ws cuts off who has this many pings unanswered, without a word. The default (60) would come before the limit of bytes for
 * a burst of pings, and whether it does depends on how the network cuts it; as many as this do not fit in 16 KiB.
 */
export const MAX_PENDING_PONGS = 4_096

/** Calls `exceeded` once when more than `most` bytes have come. Returns what lifts the limit. */
export function limitBytes(socket: Socket, most: number, exceeded: () => void): () => void {
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= most) return
    socket.off("data", count)
    exceeded()
  }
  socket.on("data", count)
  return () => socket.off("data", count)
}
