/**
 * The client process of one subject: opens it, then does one work at a time when told so and is idle between them. Told over the process's
 * channel, so that no timing crosses it. Owns the process's life: it ends when the channel does, whatever it was doing.
 */
import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises"
import type { Answer, Question } from "./asked.ts"
import type { Client, Peer } from "./client.ts"
import { type Collected, collectedMs, watchCollections } from "./gc.ts"
import { type Ours, type OursOptions, openOurs } from "./ours.ts"
import { slicedWork } from "./sliced.ts"
import { verify } from "./verify.ts"
import { WORKS } from "./works.ts"

/** Questions that it answers, beside `work`. */
export type OpenQuestion =
  | { readonly ours: OursOptions }
  /** `where`: what the peer's server gave; undefined for a local one. */
  | { readonly peer: string; readonly where: unknown }

/** The answer to `work`. */
export interface Worked extends Collected {
  readonly result: unknown
}

/** Whatever closing waits for must not keep the process. */
const CLOSE_MS = 15_000
/** Of that, for what is being opened: only when it has come can it be closed, and some leave files otherwise. */
const OPENING_MS = 10_000

/** Settles with `open`. */
let opening: Promise<unknown> = Promise.resolve()
let client: Client | undefined
let maxBytes = Number.POSITIVE_INFINITY
let ours: Ours | undefined

const QUESTIONS: Record<string, (what: any) => Promise<unknown>> = {
  async open(what: OpenQuestion) {
    const opened = open(what)
    opening = opened
    client = await opened
    await verify(client, maxBytes)
    const methods = Object.keys(client).filter(name => name !== "close")
    return { methods, site: ours?.site }
  },
  async work({ name, options }: { name: string; options: unknown }) {
    const work = client?.slice ? slicedWork(name) : WORKS[name]
    if (!work) throw new Error(`no work ${name}; there are: ${Object.keys(WORKS).join(", ")}`)
    if (!client) throw new Error("nothing is open")
    const { bytes = 0 } = options as { bytes?: number }
    if (bytes > maxBytes)
      throw new Error(`${bytes} bytes: it is not made for more than ${maxBytes} (bench/peers/README.md)`)
    const [start, before] = [performance.now(), collectedMs()]
    const result = await work(client, options)
    // What was collected is told in a turn of its own.
    await breathe()
    return { result, gcMs: collectedMs() - before, ms: performance.now() - start } satisfies Worked
  },
  /** Whether the runner answers, for the suite when somebody on its node does not. */
  async alive(ms: number) {
    await host().alive(ms)
  },
  /** Starts the server of a peer on the runner's node. */
  async serve(file: string) {
    return await host().serve(file)
  },
  async unserve(server: number) {
    await host().unserve(server)
  },
}

async function open(what: OpenQuestion): Promise<Client> {
  if ("ours" in what) {
    ours = await openOurs(what.ours, why => send({ lost: why }))
    return ours.client
  }
  const peer = (await import(what.peer)) as Peer
  maxBytes = peer.about.maxBytes ?? maxBytes
  return await peer.connect(what.where)
}

function host(): Ours {
  if (!ours) throw new Error("only the client of slurm-flame has a runner to start a server on")
  return ours
}

function send(answer: Answer): void {
  // The suite may be gone at any time: `disconnect` follows, and ends this.
  process.send?.(answer, undefined, undefined, () => undefined)
}

watchCollections()
process.on("message", async ({ id, ask, with: what }: Question) => {
  try {
    send({ id, result: await QUESTIONS[ask]!(what) })
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    send({ id, error: { message, stack } })
  }
})

process.on("disconnect", async () => {
  setTimeout(() => process.exit(1), CLOSE_MS).unref()
  // Why it could not be opened has been told to who asked for it.
  await Promise.race([opening.catch(() => undefined), sleep(OPENING_MS)])
  try {
    await client?.close()
    process.exit()
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
})

// Ctrl-C reaches all processes of the terminal: the suite decides, and closes this one.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined)
