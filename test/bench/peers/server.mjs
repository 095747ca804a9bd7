/** The server's process of one peer: serves until its parent is gone. Argument: the peer's file. Says `{ where }` over its channel. */
const peer = await import(process.argv[2])
const server = await peer.serve({ host: "127.0.0.1" })
// A client that has failed: it is not here to end us.
const orphaned = () => process.exit(1)
process.on("disconnect", orphaned)
process.once("message", async () => {
  await server.close()
  process.off("disconnect", orphaned)
  // Whatever is open now is a leak, and keeps the process from its end.
  process.disconnect()
})
process.send({ where: server.where })
