/** How rows become a WebSocket message and rows again, for the raw peers: both of their sides do it. */
import { deserialize, serialize } from "node:v8"
import { SuperJSON } from "superjson"

const superjson = new SuperJSON()

/** Name to `{ encode(value), decode(message) }`; a message is a Buffer, and `encode` gives text or bytes. */
export const ROW_CODECS = {
  json: { encode: value => JSON.stringify(value), decode: data => JSON.parse(data.toString()) },
  v8: { encode: serialize, decode: deserialize },
  superjson: { encode: value => superjson.stringify(value), decode: data => superjson.parse(data.toString()) },
}
