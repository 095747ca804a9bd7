/** Cap'n Web over ws: JSON, and bytes as base64 in it. */
import { WebSocket } from "ws"
import { connectWs, endWs, listenWs } from "./lib/listen.mjs"
import { packages } from "./lib/needs.mjs"
import * as service from "./lib/service.mjs"

export const about = {
  name: "capnweb",
  kind: "wire",
  needs: ["capnweb", "ws"],
  maxBytes: 16 * 2 ** 20,
  how: "newWebSocketRpcSession over ws; its limit of a message (32 Mi characters) raised",
}

export const missing = packages(about.needs)

const options = { limits: { maxMessageSize: 2 ** 29 } }

async function load() {
  // It asks the global class for the names of its states, and Node has that class from 22 on.
  globalThis.WebSocket ??= WebSocket
  return await import("capnweb")
}

export async function serve({ host }) {
  const { newWebSocketRpcSession, RpcTarget } = await load()
  class Service extends RpcTarget {}
  for (const [name, method] of Object.entries(service)) Service.prototype[name] = method
  const { server, where, close } = await listenWs(host)
  server.on("connection", socket => newWebSocketRpcSession(socket, new Service(), options))
  return { where, close }
}

export async function connect(where) {
  const { newWebSocketRpcSession } = await load()
  const socket = await connectWs(where)
  const api = newWebSocketRpcSession(socket, undefined, options)
  return {
    add: (a, b) => api.add(a, b),
    echo: bytes => api.echo(bytes),
    sink: bytes => api.sink(bytes),
    source: length => api.source(length),
    rows: rows => api.rows(rows),
    async close() {
      api[Symbol.dispose]()
      await endWs(socket)
    },
  }
}
