/** Socket.IO with acknowledgements, over WebSocket from the start. */
import { once } from "node:events"
import { listenHttp, MAX_PAYLOAD } from "./lib/listen.mjs"
import { packages } from "./lib/needs.mjs"
import * as service from "./lib/service.mjs"

export const about = {
  name: "socket.io",
  kind: "wire",
  needs: ["socket.io", "socket.io-client"],
  maxBytes: 64 * 2 ** 20,
  how: "an event with an acknowledgement for each call; transport websocket only, maxHttpBufferSize raised",
}

export const missing = packages(about.needs)

export async function serve({ host }) {
  const { Server } = await import("socket.io")
  const { server, where } = await listenHttp(host)
  const io = new Server(server, { transports: ["websocket"], maxHttpBufferSize: MAX_PAYLOAD, serveClient: false })
  io.on("connection", socket => {
    for (const [name, method] of Object.entries(service)) {
      socket.on(name, (...args) => args.pop()(method(...args)))
    }
  })
  return { where, close: () => io.close() }
}

export async function connect(where) {
  const { io } = await import("socket.io-client")
  const socket = io(`ws://${where.url}`, { transports: ["websocket"], reconnection: false })
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve)
    socket.once("connect_error", reject)
  })
  const call =
    name =>
    (...args) =>
      socket.emitWithAck(name, ...args)
  return {
    add: call("add"),
    echo: call("echo"),
    sink: call("sink"),
    source: call("source"),
    rows: call("rows"),
    async close() {
      const closed = once(socket.io.engine, "close")
      socket.disconnect()
      await closed
    },
  }
}
