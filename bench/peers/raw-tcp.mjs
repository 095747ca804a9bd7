/** Raw TCP, the floor: a byte that says what is wanted, eight of length, then the bytes; answers come in the order of the questions. */
import { once } from "node:events"
import { createServer, connect as dial } from "node:net"
import { Fifo } from "./lib/fifo.mjs"
import { messages, write } from "./lib/tcp-messages.mjs"

const [ADD, ECHO, SINK, SOURCE] = [1, 2, 3, 4]

export const about = {
  name: "raw TCP",
  kind: "wire",
  how: "node:net, one socket, TCP_NODELAY; messages with nine bytes in front; no codec, no ids, no errors",
}

export async function serve({ host }) {
  const sockets = new Set()
  let kept = Buffer.alloc(0)
  const answers = {
    [ADD](socket, body) {
      const sum = Buffer.allocUnsafe(8)
      sum.writeDoubleLE(body.readDoubleLE(0) + body.readDoubleLE(8))
      write(socket, ADD, sum)
    },
    [ECHO]: (socket, body) => write(socket, ECHO, body),
    [SINK](socket, body) {
      const length = Buffer.allocUnsafe(8)
      length.writeDoubleLE(body.length)
      write(socket, SINK, length)
    },
    [SOURCE](socket, body) {
      const length = body.readDoubleLE(0)
      if (kept.length !== length) kept = Buffer.alloc(length, 7)
      write(socket, SOURCE, kept)
    },
  }
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy())
    messages(socket, (kind, body) => answers[kind](socket, body))
  })
  server.listen(0, host)
  await once(server, "listening")
  return {
    where: { host, port: server.address().port },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

export async function connect({ host, port }) {
  const socket = dial({ host, port, noDelay: true })
  await once(socket, "connect")
  const waiting = new Fifo()
  let ended
  const end = error => {
    ended ??= error ?? new Error("the connection was closed")
    for (let one = waiting.shift(); one; one = waiting.shift()) one.reject(ended)
  }
  socket.on("error", end).on("close", () => end())
  messages(socket, (_, body) => waiting.shift().resolve(body))
  const ask = (kind, body) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended)
      waiting.push({ resolve, reject })
      write(socket, kind, body)
    })
  const number = body => body.readDoubleLE(0)
  const bytesOf = array => Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  return {
    async add(a, b) {
      const both = Buffer.allocUnsafe(16)
      both.writeDoubleLE(a, 0)
      both.writeDoubleLE(b, 8)
      return number(await ask(ADD, both))
    },
    echo: bytes => ask(ECHO, bytesOf(bytes)),
    sink: async bytes => number(await ask(SINK, bytesOf(bytes))),
    async source(length) {
      const wanted = Buffer.allocUnsafe(8)
      wanted.writeDoubleLE(length)
      return await ask(SOURCE, wanted)
    },
    async close() {
      socket.destroy()
    },
  }
}
