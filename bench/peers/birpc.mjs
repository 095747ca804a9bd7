/** birpc over ws. It leaves the codec to its user: v8.serialize, which carries bytes and is the fastest of those its readme shows. */
import { deserialize, serialize } from "node:v8"
import { connectWs, endWs, listenWs } from "./lib/listen.mjs"
import { packages } from "./lib/needs.mjs"
import * as service from "./lib/service.mjs"

export const about = {
  name: "birpc",
  kind: "wire",
  needs: ["birpc", "ws"],
  how: "birpc over ws with v8.serialize; without its timer for each call (timeout: -1)",
}

export const missing = packages(about.needs)

const channel = socket => ({
  post: data => socket.send(data),
  on: listener => socket.on("message", listener),
  off: listener => socket.off("message", listener),
  serialize,
  deserialize,
  timeout: -1,
})

export async function serve({ host }) {
  const { createBirpc } = await import("birpc")
  const { server, where, close } = await listenWs(host)
  server.on("connection", socket => createBirpc({ ...service }, channel(socket)))
  return { where, close }
}

export async function connect(where) {
  const { createBirpc } = await import("birpc")
  const socket = await connectWs(where)
  const rpc = createBirpc({}, channel(socket))
  return {
    add: (a, b) => rpc.add(a, b),
    echo: bytes => rpc.echo(bytes),
    sink: bytes => rpc.sink(bytes),
    source: length => rpc.source(length),
    rows: rows => rpc.rows(rows),
    async close() {
      rpc.$close()
      await endWs(socket)
    },
  }
}
