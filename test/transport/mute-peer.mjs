/**
 * A peer of its own process, written against docs/protocol.md with nothing of ours: dials, says hello, tells its process's
 * parent what it received, and never answers a call.
 */
import { WebSocket } from "ws"

const { port, identity, key } = JSON.parse(process.argv[2])
const ws = new WebSocket(`wss://127.0.0.1:${port}/v1/data`, ["slurm-flame.1"], {
  minVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
  pskCallback: () => ({ psk: Buffer.from(key, "base64"), identity }),
  checkServerIdentity: () => undefined,
})
ws.on("open", () => {
  ws.send(JSON.stringify({ t: "hello", v: 1, runnerId: identity, pid: process.pid, generation: 0 }))
})
ws.on("message", (data, isBinary) => {
  if (!isBinary) return process.send(JSON.parse(data.toString()))
  process.send({ channel: data.readUInt32LE(4), json: data.toString("utf8", 16, 16 + data.readUInt32LE(8)) })
})
