/** A stranger's mistakes. Above each is what the compiler must say of the line below it; it may say nothing else. */
import { createPool, local } from "slurm-flame"
import type * as train from "./train.js"

const module = new URL("./train.js", import.meta.url)
const pool = createPool<typeof train>({ module, max: 1, backend: local() })

// says: Property 'trian' does not exist on type .*Did you mean 'train'\?
await pool.api.trian({ rate: 0.1 })

// says: Did you mean to write 'rate'\?
await pool.api.train({ rat: 0.1 })

// says: Property 'toFixed' does not exist on type 'Promise<
pool.call(api => api.train({ rate: 0.1 })).toFixed()

// says: Did you mean to write 'maxConcurrency'\?
createPool<typeof train>({ module, max: 1, maxConcurency: 2 })

// says: Type '"30 seconds"' is not assignable to type
createPool<typeof train>({ module, max: 1, idleShutdownAfter: "30 seconds" })

// says: Property 'Counter' does not exist
new pool.api.Counter()

// says: not callable.*"a callback parameter must return void or a Promise
await pool.api.keep((x: number) => x > 1)
