/** A crew in a process of its own, as a group sees it: a subject with works. Owns how long it is waited for. */
import { Asked } from "../asked.ts"
import type { Bench, OpenSubject } from "../group.ts"
import type { CrewAbout, CrewSpec } from "./crew.ts"
import type { OptionsOf, ResultOf, WorkName } from "./works.ts"

/** Longer than any slice on any machine: what takes longer hangs. Milliseconds. */
const WORK_MS = 60_000

export const COMLINK = "comlink worker_threads"

/** One that is open. */
export interface Stage extends OpenSubject {
  readonly about: CrewAbout
  do<W extends WorkName>(work: W, options: OptionsOf<W>): Promise<ResultOf<W>>
}

/** Who is to be there, by name. */
export type Cast = ReadonlyMap<string, CrewSpec>

/** For the wait in the queue and the boot of all of a crew. Milliseconds. */
const BOOT_MS = { local: 30_000, slurm: 90_000 }

/** So many of our runners, as the suite was told to start them. */
export function runnersFor({ options }: Bench, size: number): CrewSpec {
  const { backend, slurmJob, tls } = options
  return { kind: "runners", size, bootMs: BOOT_MS[backend], backend, tls, ...(slurmJob !== undefined && { slurmJob }) }
}

/** So many threads. */
export const threadsFor = (bench: Bench, size: number, kind: "threads" | "piscina" = "threads"): CrewSpec => ({
  ...runnersFor(bench, size),
  kind,
})

/** The name of ours, with the wire that the suite was told to use. */
export const oursIn = ({ options }: Bench): string => (options.tls ? "slurm-flame" : "slurm-flame, no TLS")

/**
 * Opens those of `cast` that were asked for, has `body` work with those that came, and closes all of them, whatever happens. Who cannot be
 * had is told to `skipped`; who has fewer members than were wanted, to `warnings`.
 */
export async function withStages<T>(bench: Bench, cast: Cast, body: (stages: readonly Stage[]) => Promise<T>): Promise<T> {
  const wanted = [...cast].filter(([name]) => bench.options.subjects?.includes(name) ?? true)
  const processes: Asked[] = []
  try {
    const stages: Stage[] = []
    for (const [name, spec] of wanted) {
      bench.progress(`opening ${name}`)
      const process = new Asked(new URL("./stage-main.js", import.meta.url), `the process of ${name}`)
      processes.push(process)
      try {
        const about = await process.ask<CrewAbout>("open", spec, spec.bootMs + WORK_MS)
        if (about.missing !== undefined) bench.warn(`${name}: ${about.missing}; measured with ${about.size}`)
        stages.push(stageOf(name, spec, about, process))
      } catch (error) {
        bench.skip(name, error instanceof Error ? error.message : String(error))
      }
    }
    return await body(stages)
  } finally {
    await Promise.all(processes.map(process => process.close()))
  }
}

function stageOf(name: string, spec: CrewSpec, about: CrewAbout, process: Asked): Stage {
  const work = <T>(work: string, options: unknown) => process.ask<T>("work", { name: work, options }, WORK_MS)
  return { name, about, kind: spec.kind === "runners" ? "wire" : "local", can: () => true, work, do: work }
}
