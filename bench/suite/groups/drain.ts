/** How long the end of a runner takes, idle and at work. Owns its rounds, and sees to it that nothing is left. */
import { existsSync, watch } from "node:fs"
import path from "node:path"
import type { Pool } from "slurm-flame"
import { figures } from "../figures.ts"
import type { Bench, Group } from "../group.ts"
import { bareNode, threads } from "../life/contestants.ts"
import { BARE_NODE, nameOfOurs } from "../life/names.ts"
import { poolOfOne } from "../life/runner-life.ts"
import type * as lived from "../modules/lived.ts"
import type { Figure, Subject } from "../report.ts"
import { interleave, plan, shuffled } from "../rounds.ts"

const ROUNDS = { local: 12, slurm: 6 }
const WORK_MS = 100
const COMPARED: readonly Subject[] = [BARE_NODE, "comlink worker_threads"]

const KINDS = {
  close: { title: "pool.close() of one idle runner", note: "until its job is known to be gone" },
  down: {
    title: "runner:down after pool.close()",
    note: "until the pool has let the runner go; its job ends behind that",
  },
  directory: {
    title: "The runner's directory is gone after pool.close()",
    note: "seen by who watches the directory above",
  },
  "close-busy": {
    title: `pool.close() while a call of ${WORK_MS} ms runs`,
    note: `the call had just begun, and gives its result: ${WORK_MS} ms of it are the call's`,
  },
  terminate: { title: "terminate() of a lease", note: "no drain and no hooks: until its job is known to be gone" },
} as const

type Kind = keyof typeof KINDS
/** In ms. */
type Ends = Partial<Record<Kind, number>>

interface Ender {
  readonly name: string
  once(): Promise<Ends>
}

export const drain: Group = {
  id: "drain",
  alone: true,
  title: "The end of a runner",
  how: `From the word until the runner's job is known to be gone: pool.close() of an idle runner, pool.close() while a call of ${WORK_MS} ms runs, and terminate(). Each end is that of a runner of its own, and each is a slice. Beside it: SIGTERM to a bare Node process, and the end of a thread. On the parent's own machine processes and directories are looked for behind it.`,
  async run(bench) {
    const mine = nameOfOurs(bench.options)
    const found = [bareNode, ...(await threads(bench))]
    const enders: Ender[] = [
      { name: mine, once: () => everyEnd(bench) },
      ...found.map(({ name, begin }) => ({
        name,
        async once() {
          const begun = await begin()
          const began = performance.now()
          await begun.end()
          return { close: performance.now() - began }
        },
      })),
    ]
    const more = plan(bench.options, { full: ROUNDS[bench.options.backend], seconds: bench.options.secondsPerGroup })
    const slices = await interleave(
      enders,
      done => {
        if (more(done)) bench.progress(`round ${done + 1}`)
        return more(done)
      },
      ender => ender.once(),
      ({ name }, error) => bench.skip(name, error instanceof Error ? error.message : String(error)),
    )
    return made(slices)
  },
}

/** Each of our ends, in another order every time: the first of them is not always the one that finds Slurm unasked. */
async function everyEnd(bench: Bench): Promise<Ends> {
  const ends: Ends[] = []
  for (const end of shuffled([closed, closedBusy, terminated])) ends.push(await end(bench))
  return Object.assign({}, ...ends)
}

/** The figures of all ends. */
export function made(ends: ReadonlyMap<Subject, readonly (Ends | null)[]>): Figure[] {
  return (Object.keys(KINDS) as Kind[]).flatMap(kind => {
    const slices = new Map([...ends].map(([name, list]) => [name, list.map(end => end?.[kind] ?? null)]))
    const { title, note } = KINDS[kind]
    const count = (subject: Subject) => slices.get(subject)?.filter(value => value !== null).length ?? 0
    const head = { id: `drain/${kind}`, title, unit: "ms", better: "less", note } as const
    return figures(head, slices, count, COMPARED)
  })
}

/** Runs `end` on a pool that has one runner, and makes sure that nothing is left of it. */
async function withRunner(
  bench: Bench,
  end: (pool: Pool<typeof lived>, tmpdir: string) => Promise<Ends>,
): Promise<Ends> {
  const pool = await poolOfOne(bench, "bench-end")
  try {
    const { pids, tmpdir } = await pool.api.whereabouts()
    const ends = await end(pool, tmpdir)
    if (bench.options.backend === "local") {
      const left = pids.filter(isAlive)
      if (left.length > 0) bench.warn(`of a runner that had ended processes were left: ${left.join(", ")}`)
      if (existsSync(tmpdir)) bench.warn(`of a runner that had ended the directory was left: ${tmpdir}`)
    }
    return ends
  } finally {
    await pool.close({ timeout: 0 })
  }
}

const closed = (bench: Bench) =>
  withRunner(bench, async (pool, tmpdir) => {
    let down: number | undefined
    let directory: number | undefined
    pool.on("runner:down", () => {
      down ??= performance.now()
    })
    const watched =
      bench.options.backend === "local"
        ? watchGone(tmpdir, () => {
            directory ??= performance.now()
          })
        : undefined
    try {
      const began = performance.now()
      await pool.close()
      const close = performance.now() - began
      // Its news may be behind that of the end, in the same turn.
      if (watched && directory === undefined && !existsSync(tmpdir)) directory = began + close
      return {
        close,
        ...(down === undefined ? {} : { down: down - began }),
        ...(directory === undefined ? {} : { directory: directory - began }),
      }
    } finally {
      watched?.close()
    }
  })

const closedBusy = (bench: Bench) =>
  withRunner(bench, async pool => {
    let begun!: () => void
    const running = new Promise<void>(resolve => {
      begun = resolve
    })
    const call = pool.api.work(WORK_MS, begun)
    await Promise.race([running, call])
    const began = performance.now()
    const [worked] = await Promise.all([call, pool.close()])
    if (worked !== WORK_MS) throw new Error(`the call that ran gave ${worked}`)
    return { "close-busy": performance.now() - began }
  })

const terminated = (bench: Bench) =>
  withRunner(bench, async pool => {
    const r = await pool.spawn()
    const began = performance.now()
    await r.terminate()
    return { terminate: performance.now() - began }
  })

/** Tells when the path is not there any more. */
function watchGone(file: string, gone: () => void) {
  return watch(path.dirname(file), { persistent: false }, () => {
    if (!existsSync(file)) gone()
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // ESRCH: it is gone
  }
}
