/** The thread of the Comlink peer. */
import { parentPort } from "node:worker_threads"
import { expose } from "comlink"
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs"
import * as service from "../lib/service.mjs"

expose({ ...service }, nodeEndpoint(parentPort))
