/** The server process of a raw peer, seen from its client: starts it, asks it what is not measured, ends it. */
import { fork } from "node:child_process"
import { once } from "node:events"

export async function startServer() {
  const child = fork(new URL("../servers/raw.mjs", import.meta.url))
  const [ports] = await once(child, "message")
  const ask = async (command, argument) => {
    child.send({ command, argument })
    const [{ result }] = await once(child, "message")
    return result
  }
  return {
    ports,
    ask,
    async close() {
      child.disconnect()
      await once(child, "exit")
    },
  }
}
