/** A crew of piscina's threads. Owns where its package is looked for: with the other peers, since the suite does without it. */
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { PEERS_DIR } from "../subjects.ts"
import type { Crew, CrewAbout, CrewSpec, Member } from "./crew.ts"

/** What is used of piscina 5. */
interface Piscina {
  run(args: readonly unknown[], options: { name: string }): Promise<never>
  destroy(): Promise<void>
}
type PiscinaClass = new (options: Record<string, unknown>) => Piscina

/** Undefined when it is not installed with the peers. */
function piscinaPath(): string | undefined {
  try {
    return createRequire(path.join(PEERS_DIR, "package.json")).resolve("piscina")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined
    throw error
  }
}

export class PiscinaCrew implements Crew {
  readonly about: CrewAbout
  readonly #Piscina: PiscinaClass
  /** By their number of threads: it cannot be told to leave some alone. */
  readonly #pools = new Map<number, Piscina>()

  private constructor(Piscina: PiscinaClass, size: number) {
    this.#Piscina = Piscina
    this.about = { size, nodes: [] }
  }

  /** @throws Error when it is not installed */
  static async open({ size }: CrewSpec): Promise<PiscinaCrew> {
    const file = piscinaPath()
    if (file === undefined) throw new Error("not installed: piscina (slurm-flame bench --install-peers)")
    const module = (await import(pathToFileURL(file).href)) as { Piscina?: PiscinaClass; default: PiscinaClass }
    return new PiscinaCrew(module.Piscina ?? module.default, size)
  }

  async team<T>(count: number, body: (team: Member) => Promise<T>): Promise<T> {
    const pool = this.#poolOf(count)
    return await body({ call: (name, ...args) => pool.run(args, { name }) })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(pool => pool.destroy()))
  }

  #poolOf(threads: number): Piscina {
    const known = this.#pools.get(threads)
    if (known !== undefined) return known
    const pool = new this.#Piscina({
      filename: fileURLToPath(new URL("./piscina-task.js", import.meta.url)),
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 64,
      maxQueue: Number.POSITIVE_INFINITY,
    })
    this.#pools.set(threads, pool)
    return pool
  }
}
