/** Raw TCP: the floor. Small messages of a fixed length on one socket, bulk with a length in front on another. */
import { once } from "node:events"
import { connect } from "node:net"
import { Fifo } from "../fifo.mjs"
import { readMessages, writeMessage } from "../length-prefixed.mjs"
import { SMALL } from "../values.mjs"
import { startServer } from "./raw-server.mjs"

export async function openTcp() {
  const server = await startServer()
  const small = connect({ host: "127.0.0.1", port: server.ports.tcp, noDelay: true })
  const bulk = connect({ host: "127.0.0.1", port: server.ports.tcpBulk, noDelay: true })
  await Promise.all([once(small, "connect"), once(bulk, "connect")])

  const waiting = new Fifo()
  let received = 0
  small.on("data", data => {
    for (received += data.length; received >= SMALL.length; received -= SMALL.length) waiting.shift()()
  })
  let onBulk
  readMessages(bulk, message => onBulk(message))

  return {
    small: () =>
      new Promise(resolve => {
        waiting.push(resolve)
        small.write(SMALL)
      }),
    async echo(array) {
      const answer = new Promise(resolve => {
        onBulk = resolve
      })
      writeMessage(bulk, Buffer.from(array.buffer, array.byteOffset, array.byteLength))
      const message = await answer
      return new Float64Array(message.buffer, message.byteOffset, message.length / 8)
    },
    ask: server.ask,
    async close() {
      small.destroy()
      bulk.destroy()
      await server.close()
    },
  }
}
