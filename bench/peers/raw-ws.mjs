/**
 * Raw ws: what is left of a WebSocket library when nothing is done with the messages. A binary message is an echo; text is a command, which
 * may be about the binary message behind it. Answers come in the order of the questions.
 */
import { once } from "node:events"
import { WebSocket, WebSocketServer } from "ws"
import { Fifo } from "./lib/fifo.mjs"

const OPTIONS = { perMessageDeflate: false, maxPayload: 2 ** 31 - 1 }

export const about = {
  name: "raw ws",
  kind: "wire",
  how: "the package ws, one socket, no compression, no TLS; numbers as text, bytes as binary messages; no codec, no ids, no errors",
}

export async function serve({ host }) {
  const server = new WebSocketServer({ host, port: 0, ...OPTIONS })
  let kept = Buffer.alloc(0)
  server.on("connection", ws => {
    let sink = false
    ws.on("error", () => ws.terminate())
    ws.on("message", (data, isBinary) => {
      if (isBinary) {
        if (sink) ws.send(String(data.length))
        else ws.send(data)
        sink = false
        return
      }
      const [command, a, b] = data.toString("latin1").split(" ")
      if (command === "+") ws.send(String(Number(a) + Number(b)))
      else if (command === "sink") sink = true
      else if (command === "source") {
        if (kept.length !== Number(a)) kept = Buffer.alloc(Number(a), 7)
        ws.send(kept)
      }
    })
  })
  await once(server, "listening")
  return {
    where: { host, port: server.address().port },
    async close() {
      for (const ws of server.clients) ws.terminate()
      server.close()
    },
  }
}

export async function connect({ host, port }) {
  const ws = new WebSocket(`ws://${host.includes(":") ? `[${host}]` : host}:${port}`, OPTIONS)
  await once(ws, "open")
  const waiting = new Fifo()
  let ended
  const end = error => {
    ended ??= error ?? new Error("the connection was closed")
    for (let one = waiting.shift(); one; one = waiting.shift()) one.reject(ended)
  }
  ws.on("error", end).on("close", () => end())
  ws.on("message", data => waiting.shift().resolve(data))
  const ask = (...messages) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended)
      waiting.push({ resolve, reject })
      for (const message of messages) ws.send(message)
    })
  const number = data => Number(data.toString("latin1"))
  return {
    add: async (a, b) => number(await ask(`+ ${a} ${b}`)),
    echo: bytes => ask(bytes),
    sink: async bytes => number(await ask("sink", bytes)),
    source: length => ask(`source ${length}`),
    async close() {
      ws.terminate()
    },
  }
}
