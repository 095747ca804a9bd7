/** The limits to compare with: raw ws and raw TCP echo, in a process of its own. */
import { createServer } from "node:net"
import { WebSocketServer } from "ws"

const wss = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 2 ** 31 - 1 })
wss.on("connection", ws => ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary })))
const tcp = createServer({ noDelay: true }, socket => socket.pipe(socket)).listen(0, "127.0.0.1", () => {
  process.send({ ws: wss.address().port, tcp: tcp.address().port })
})
process.on("disconnect", () => process.exit())
