/** Raw ws with its defaults (compression off), or wss. One socket for each of the server's modes, opened when first used. */
import { once } from "node:events"
import { WebSocket } from "ws"
import { Fifo } from "../fifo.mjs"
import { clientOptions } from "../psk.mjs"
import { ROW_CODECS } from "../row-codecs.mjs"
import { SMALL } from "../values.mjs"
import { startServer } from "./raw-server.mjs"

/** @param spec `tls`: over wss; `zeroMask`: without the work of masking; `codec`: what `rows` are written with */
export async function openWs({ tls = false, zeroMask = false, codec }) {
  const server = await startServer()
  const base = tls ? `wss://127.0.0.1:${server.ports.wss}` : `ws://127.0.0.1:${server.ports.ws}`
  const options = {
    perMessageDeflate: false,
    maxPayload: 2 ** 31 - 1,
    ...(tls ? clientOptions : {}),
    ...(zeroMask ? { generateMask: () => {} } : {}),
  }
  const lines = {}
  async function line(mode) {
    if (lines[mode]) return lines[mode]
    const ws = new WebSocket(`${base}/${mode}`, options)
    await once(ws, "open")
    const waiting = new Fifo()
    ws.on("message", data => waiting.shift()(data))
    const ask = message =>
      new Promise(resolve => {
        waiting.push(resolve)
        ws.send(message)
      })
    lines[mode] = { ws, ask }
    return lines[mode]
  }
  const echoLine = await line("echo")
  const sinkLine = await line("sink")
  const sourceLine = await line("source")
  const rowLine = codec && (await line(codec))
  const asFloats = data =>
    data.byteOffset % 8 === 0
      ? new Float64Array(data.buffer, data.byteOffset, data.length / 8)
      : new Float64Array(new Uint8Array(data).buffer)

  return {
    small: () => echoLine.ask(SMALL),
    echo: async array => asFloats(await echoLine.ask(array)),
    sink: array => sinkLine.ask(array),
    source: async () => asFloats(await sourceLine.ask("source")),
    // On the same socket as the bulk: that is the question.
    smallBeside: direction => (direction === "up" ? sinkLine : sourceLine).ask(SMALL),
    async rows(value) {
      const { encode, decode } = ROW_CODECS[codec]
      return decode(await rowLine.ask(encode(value)))
    },
    ask: server.ask,
    async close() {
      for (const { ws } of Object.values(lines)) ws.terminate()
      await server.close()
    },
  }
}
