/** The program of a thread of `Threads`: serves modules/crew.ts over Comlink. */
import { parentPort } from "node:worker_threads"
import { expose } from "comlink"
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs"
import * as api from "../modules/crew.ts"

if (parentPort === null) throw new Error("thread.js is the program of a worker thread: it has no parent here")
expose(api, nodeEndpoint(parentPort))
