/** Listening on one address and a free port, and the plain WebSockets that several peers run over. Knows no peer. */
import { once } from "node:events"
import { createServer } from "node:http"
import { WebSocket, WebSocketServer } from "ws"

/** Of a ws message: as much as ws can count (its limit is 100 MiB otherwise). */
export const MAX_PAYLOAD = 2 ** 31 - 1

const OPTIONS = { perMessageDeflate: false, maxPayload: MAX_PAYLOAD }

/** `host` as it stands in a URL. */
export const inUrl = host => (host.includes(":") ? `[${host}]` : host)

/** An HTTP server that listens. @returns `{ server, where: { url }, close }`, the URL without a scheme */
export async function listenHttp(host) {
  const server = createServer()
  server.listen(0, host)
  await once(server, "listening")
  return {
    server,
    where: { url: `${inUrl(host)}:${server.address().port}` },
    async close() {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A ws server that listens. @returns `{ server, where, close }`; `close` ends its connections too */
export async function listenWs(host) {
  const server = new WebSocketServer({ host, port: 0, ...OPTIONS })
  await once(server, "listening")
  return {
    server,
    where: { url: `ws://${inUrl(host)}:${server.address().port}` },
    async close() {
      const closed = once(server, "close")
      for (const socket of server.clients) socket.terminate()
      server.close()
      await closed
    },
  }
}

/** A ws client without limits that matter here. For what makes its own out of a URL. */
export class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, OPTIONS)
  }
}

/** Connects. @param where what `listenWs` gave */
export async function connectWs(where) {
  const socket = new Socket(where.url)
  await once(socket, "open")
  return socket
}

/** Ends it at once and waits until it has: a closing handshake would only keep the process awake. */
export async function endWs(socket) {
  if (socket.readyState === WebSocket.CLOSED) return
  const closed = once(socket, "close")
  socket.terminate()
  await closed
}
