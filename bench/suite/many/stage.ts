/** A crew in a process of its own, as a group sees it: a subject with works. Owns how long it is waited for. */
import { Asked } from "../asked.ts"
import type { Bench, OpenSubject } from "../group.ts"
import { OURS, OURS_PLAIN } from "../subjects.ts"
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
function runnersFor({ options }: Bench, size: number): CrewSpec {
  const { backend, slurmJob, sbatch, tls } = options
  const job = { ...(slurmJob !== undefined && { slurmJob }), ...(sbatch !== undefined && { sbatch }) }
  return { kind: "runners", size, bootMs: BOOT_MS[backend], backend, tls, ...job }
}

/** Ours, over the wire that the suite was told to use; over both where both were asked for by name. */
export function oursFor(bench: Bench, size: number): [string, CrewSpec][] {
  const { tls, subjects } = bench.options
  const names = subjects?.filter(isOurs) ?? [tls ? OURS : OURS_PLAIN]
  const possible = names.filter(name => tls || name !== OURS)
  return possible.map(name => [name, { ...runnersFor(bench, size), tls: name === OURS }])
}

export const isOurs = (subject: string): boolean => subject === OURS || subject === OURS_PLAIN

/** So many threads. */
export const threadsFor = (bench: Bench, size: number, kind: "threads" | "piscina" = "threads"): CrewSpec => ({
  ...runnersFor(bench, size),
  kind,
})

/**
 * Opens those of `cast` that were asked for, has `body` work with those that came, and closes all of them, whatever happens. Who cannot be
 * had is told to `skipped`; who has fewer members than were wanted, to `warnings`.
 */
export async function withStages<T>(
  bench: Bench,
  cast: Cast,
  body: (stages: readonly Stage[]) => Promise<T>,
): Promise<T> {
  const wanted = [...cast].filter(([name]) => bench.options.subjects?.includes(name) ?? true)
  const processes: Asked[] = []
  // Whoever waits for one of them is told, and none is measured any more.
  const forget = onAbort(bench.signal, error => {
    for (const process of processes) process.abandon(error)
  })
  try {
    const stages: Stage[] = []
    for (const [name, spec] of wanted) {
      bench.signal.throwIfAborted()
      bench.progress(`opening ${name}`)
      const process = new Asked(new URL("./stage-main.js", import.meta.url), `the process of ${name}`)
      processes.push(process)
      try {
        const about = await process.ask<CrewAbout>("open", spec, 3 * spec.bootMs + WORK_MS)
        if (about.missing !== undefined)
          bench.warn(`${name}: ${about.missing}; measured with the ${about.size} that are there`)
        stages.push(stageOf(name, spec, about, process))
      } catch (error) {
        bench.skip(name, error instanceof Error ? error.message : String(error))
      }
    }
    return await body(stages)
  } finally {
    forget()
    await Promise.all(processes.map(process => process.close()))
  }
}

/** @returns takes it back */
function onAbort(signal: AbortSignal, act: (error: Error) => void): () => void {
  const heard = () => act(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
  signal.addEventListener("abort", heard, { once: true })
  return () => signal.removeEventListener("abort", heard)
}

function stageOf(name: string, spec: CrewSpec, about: CrewAbout, process: Asked): Stage {
  const work = <T>(work: string, options: unknown) => process.ask<T>("work", { name: work, options }, WORK_MS)
  return { name, about, kind: spec.kind === "runners" ? "wire" : "local", can: () => true, work, do: work }
}
