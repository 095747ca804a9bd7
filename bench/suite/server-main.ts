/**
 * The server process of one peer, on the node that it is to be on. Argument: the peer's file and the address to listen on, as JSON. Owns the
 * process's life: it ends when who started it does.
 */
import type { Peer } from "./client.ts"

/** Told once. */
export type ServerNews = { readonly where: unknown } | { readonly error: string }

/** Also for one that is still starting: only when it has started can it be closed, and some leave files otherwise. */
const CLOSE_MS = 10_000

const { file, host } = JSON.parse(process.argv[2] ?? "{}") as { file: string; host: string }
let starting: ReturnType<NonNullable<Peer["serve"]>> | undefined

process.on("disconnect", async () => {
  setTimeout(() => process.exit(1), CLOSE_MS).unref()
  try {
    await (await starting)?.close()
  } catch (error) {
    console.error(error)
  }
  process.exit()
})
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined)

try {
  const peer = (await import(file)) as Peer
  if (!peer.serve) throw new Error(`${file} has no server`)
  starting = peer.serve({ host })
  const server = await starting
  // Who started it may be gone meanwhile: `disconnect` ends this.
  process.send?.({ where: server.where } satisfies ServerNews, undefined, undefined, () => undefined)
} catch (error) {
  process.send?.({ error: error instanceof Error ? error.message : String(error) } satisfies ServerNews, () =>
    process.exit(1),
  )
}
