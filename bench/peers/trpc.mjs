/** tRPC over ws with superjson, the transformer that its documentation names. */
import { listenWs, Socket } from "./lib/listen.mjs"
import { packages } from "./lib/needs.mjs"
import * as service from "./lib/service.mjs"

export const about = {
  name: "tRPC",
  kind: "wire",
  needs: ["@trpc/client", "@trpc/server", "superjson", "ws"],
  maxBytes: 2 ** 20,
  how: "wsLink with superjson, one procedure for each kind of call, no validation; its client waits for a timer of 0 ms before it sends",
}

export const missing = packages(about.needs)

/** An input that is taken as it is: a validator's work would not be tRPC's. */
const asItIs = value => value

export async function serve({ host }) {
  const { initTRPC } = await import("@trpc/server")
  const { applyWSSHandler } = await import("@trpc/server/adapters/ws")
  const { default: superjson } = await import("superjson")
  const t = initTRPC.create({ transformer: superjson })
  const one = method => t.procedure.input(asItIs).mutation(({ input }) => method(input))
  const router = t.router({
    add: one(([a, b]) => service.add(a, b)),
    echo: one(service.echo),
    sink: one(service.sink),
    source: one(service.source),
    rows: one(service.rows),
  })
  const { server, where, close } = await listenWs(host)
  applyWSSHandler({ wss: server, router })
  return { where, close }
}

export async function connect(where) {
  const { createTRPCClient, createWSClient, wsLink } = await import("@trpc/client")
  const { default: superjson } = await import("superjson")
  const socket = createWSClient({ url: where.url, WebSocket: Socket })
  const api = createTRPCClient({ links: [wsLink({ client: socket, transformer: superjson })] })
  // superjson knows a Uint8Array and no Buffer.
  const plain = bytes => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    add: (a, b) => api.add.mutate([a, b]),
    echo: bytes => api.echo.mutate(plain(bytes)),
    sink: bytes => api.sink.mutate(plain(bytes)),
    source: length => api.source.mutate(length),
    rows: rows => api.rows.mutate(rows),
    close: () => socket.close(),
  }
}
