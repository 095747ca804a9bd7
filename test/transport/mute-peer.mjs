/**
 * A peer of its own process, written against docs/protocol.md with nothing of ours: dials, says hello, tells its process's
 * parent what it received, and never answers a call.
 */
import { WebSocket } from "ws"

const { port, identity, key } = JSON.parse(process.argv[2])
const ws = new WebSocket(`wss://127.0.0.1:${port}/v3/data`, ["slurm-flame.3"], {
  minVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
  pskCallback: () => ({ psk: Buffer.from(key, "base64"), identity }),
  checkServerIdentity: () => undefined,
})
ws.on("open", () => {
  ws.send(JSON.stringify({ t: "hello", v: 3, runnerId: identity, pid: process.pid, generation: 0 }))
})
ws.on("message", data => {
  const text = data.toString()
  if (text.startsWith("{")) process.send(JSON.parse(text))
  if (!text.startsWith("[")) return
  const list = JSON.parse(text)
  for (let i = 0; i < list.length; i += 3) process.send({ kind: list[i], channel: list[i + 1], message: list[i + 2] })
})
