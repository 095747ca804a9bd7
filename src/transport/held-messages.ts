/**
 * Keeps a WebSocket's messages until somebody listens. An await between two owners of a socket is long enough to lose one:
 * several messages of a single read are emitted in one go, and the first of them with the very read of the upgrade.
 */
import type { WebSocket } from "ws"

/** From now on messages wait for the next listener, and are then given to it in their order. */
export function holdMessages(ws: WebSocket): void {
  const held: [data: Buffer, isBinary: boolean][] = []
  const hold = (data: Buffer, isBinary: boolean) => void held.push([data, isBinary])
  const taken = (event: string) => {
    if (event !== "message") return
    ws.off("newListener", taken)
    ws.off("message", hold)
    if (held.length === 0) return
    // The listener is added after this event. A read that comes in between is not possible: it would be another task.
    queueMicrotask(() => {
      for (const [data, isBinary] of held) ws.emit("message", data, isBinary)
    })
  }
  ws.on("message", hold)
  ws.on("newListener", taken)
}
