/** A crew of worker_threads over Comlink: what users come from. Owns the threads; which of them is the least loaded is counted here, since Comlink has no pool. */
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { proxy, type Remote, releaseProxy, wrap } from "comlink"
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs"
import type * as api from "../modules/crew.ts"
import type { Crew, CrewAbout, CrewSpec, Member } from "./crew.ts"

interface Thread extends Member {
  inFlight: number
  end(): Promise<void>
}

export class Threads implements Crew {
  readonly about: CrewAbout
  readonly #threads: readonly Thread[]

  private constructor(threads: readonly Thread[]) {
    this.#threads = threads
    this.about = { size: threads.length, nodes: [] }
  }

  static async open({ size }: CrewSpec): Promise<Threads> {
    return new Threads(await Promise.all(Array.from({ length: size }, start)))
  }

  member(at: number): Member {
    return this.#threads[at]!
  }

  team<T>(count: number, body: (team: Member) => Promise<T>): Promise<T> {
    const team = this.#threads.slice(0, count)
    return body({
      call: async (name, ...args) => {
        let chosen = team[0]!
        for (const thread of team) if (thread.inFlight < chosen.inFlight) chosen = thread
        chosen.inFlight += 1
        try {
          return await chosen.call(name, ...args)
        } finally {
          chosen.inFlight -= 1
        }
      },
    })
  }

  back<F extends (...args: never[]) => unknown>(fn: F): unknown {
    return proxy(fn)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(thread => thread.end()))
  }
}

async function start(): Promise<Thread> {
  const worker = new Worker(new URL("./thread.js", import.meta.url))
  await once(worker, "online")
  const remote: Remote<typeof api> = wrap<typeof api>(nodeEndpoint(worker))
  const functions = remote as unknown as Record<string, (...args: unknown[]) => Promise<never>>
  return {
    inFlight: 0,
    call: (name, ...args) => functions[name]!(...args),
    end: async () => {
      remote[releaseProxy]()
      await worker.terminate()
    },
  }
}
