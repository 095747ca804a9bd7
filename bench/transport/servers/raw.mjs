/**
 * The server of one raw peer, in a process of its own: TCP and ws(s) echoes. Its ports go to the client over the process's
 * channel, and so do questions that are not measured (memory, what to send next). The path of a WebSocket says what it does:
 * /echo, /sink (bulk is answered with a word), /source (the word "source" is answered with bulk), /json, /v8, /superjson.
 */
import { once } from "node:events"
import { createServer as createHttps } from "node:https"
import { createServer } from "node:net"
import { WebSocketServer } from "ws"
import { readMessages, writeMessage } from "../length-prefixed.mjs"
import { memory, resetPeak } from "../memory.mjs"
import { serverOptions } from "../psk.mjs"
import { ROW_CODECS } from "../row-codecs.mjs"
import { floats } from "../values.mjs"

const WS_OPTIONS = { perMessageDeflate: false, maxPayload: 2 ** 31 - 1 }
let prepared

function serve(ws, request) {
  const mode = request.url.slice(1)
  const codec = ROW_CODECS[mode]
  ws.on("message", (data, isBinary) => {
    if (codec) ws.send(codec.encode(codec.decode(data)))
    else if (mode === "sink" && isBinary) ws.send("received")
    else if (mode === "source" && data.length === 6) ws.send(prepared)
    else ws.send(data, { binary: isBinary })
  })
}

// What one read brought is answered with one write: the least there is, and with many in flight less than one write a call.
const tcp = createServer({ noDelay: true }, socket => socket.on("data", data => socket.write(data)))
const tcpBulk = createServer({ noDelay: true }, socket => {
  readMessages(socket, message => writeMessage(socket, message))
})
const wss = new WebSocketServer({ host: "127.0.0.1", port: 0, ...WS_OPTIONS }).on("connection", serve)
const https = createHttps(serverOptions)
new WebSocketServer({ server: https, ...WS_OPTIONS }).on("connection", serve)
for (const server of [tcp, tcpBulk, https]) server.listen(0, "127.0.0.1")
await Promise.all([tcp, tcpBulk, https, wss].map(server => server.address() ?? once(server, "listening")))

const commands = {
  memory,
  resetPeak,
  prepare: mib => {
    prepared = floats(mib)
  },
}
process.on("message", ({ command, argument }) => process.send({ result: commands[command](argument) ?? null }))
process.on("disconnect", () => process.exit())
process.send({
  tcp: tcp.address().port,
  tcpBulk: tcpBulk.address().port,
  ws: wss.address().port,
  wss: https.address().port,
})
