/**
 * The client process of one peer: opens it (which starts its server), then does one work at a time when told so and is idle
 * between them. Argument: the peer's spec as JSON. Told over the process's channel, so that no timing crosses it.
 */
import { openOurs } from "./clients/ours.mjs"
import { openTcp } from "./clients/tcp.mjs"
import { openWs } from "./clients/ws.mjs"
import { bulkEcho, firstCall } from "./works/bulk.mjs"
import { latency, rate } from "./works/calls.mjs"
import { echoRows } from "./works/rows.mjs"
import { underWay } from "./works/under-way.mjs"

const OPEN = { tcp: openTcp, ws: openWs, ours: openOurs }
const WORKS = { latency, rate, bulkEcho, firstCall, underWay, echoRows }

const spec = JSON.parse(process.argv[2])
const peer = await OPEN[spec.kind](spec)
process.on("message", async ({ work, options }) => {
  try {
    if (work === "close") {
      await peer.close()
      process.disconnect()
      return
    }
    process.send({ result: await WORKS[work](peer, options) })
  } catch (error) {
    process.send({ error: error.stack })
  }
})
// The benchmark is gone: a client that went on would disturb the next one.
process.on("disconnect", () => process.exit())
process.send({ result: "open" })
