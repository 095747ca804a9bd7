/**
 * The ways in which a runner can end, and what becomes of each kind of work on it: a call that waits for it, one that runs there, one that may be
 * run again, one that is resumable; and of its directory and a file that was kept. Owns the four calls and what is promised of them; the way itself is the test's.
 */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import { Book, type Entry } from "../book.ts"
import { inNode, tempDirsLeft, waitFor } from "../harness.ts"
import { call, close, openPool, type Where } from "../parent.ts"

export interface Way {
  /** Options of `slurm()`. */
  slurm: object
  /** More options of the pool. */
  options?: object
  /** Makes the runner end; none where its time does. */
  end?(where: Where): Promise<void>
  /** What those are told that are lost. */
  reason: string
  /** What is known of it at once, when the resumable call ends because of it; else as `reason`. */
  atOnce?: string
  /** What runs may come to its end. */
  finishes?: boolean
  /** Only the worker ends: the job serves on. */
  inJob?: boolean
  /** Nobody is left to delete its directory: the next runner on that node does. @default true: it is gone */
  swept?: boolean
  /** The resumable call hears of the end no more than the others do. */
  deaf?: boolean
}

/** Numbers that the parent's other calls do not have. */
let nextId = 5_000_000

export async function ends({
  slurm,
  options = {},
  end,
  reason,
  atOnce = reason,
  finishes = false,
  inJob = false,
  deaf = false,
  swept = true,
}: Way): Promise<void> {
  const book = new Book()
  const keepDir = `/home/flame/kept-${nextId++}`
  const parent = await openPool({ max: 1, maxConcurrency: 3, keepDir, ...options }, slurm)
  try {
    const where = await call<Where>(parent, "where")
    const [plain, retried, resumable] = [nextId++, nextId++, nextId++]
    const send = (id: number, method: string, limits: object, ...more: unknown[]) =>
      parent.send({ do: "call", id, method, args: [book.path, id, "$barrier", ...more], limits })
    send(plain, "wait", {})
    send(retried, "wait", { retries: 1 })
    send(resumable, "goOn", { resumable: true }, deaf)
    for (let i = 0; i < 3; i++) {
      const { id } = await parent.next("report")
      if (id === resumable) parent.send({ do: "go", id })
    }
    const waiting = nextId++
    parent.send({ do: "call", id: waiting, method: "work", args: [book.path, waiting, 1] })
    await end?.(where)

    const results = new Map<number, any>()
    if (finishes) {
      await parent.next("runner:drain")
      for (const id of [plain, retried]) parent.send({ do: "go", id })
    } else {
      expect(await parent.next("failed")).toMatchObject({
        id: plain,
        error: { code: "ERR_FLAME_RUNNER_LOST", reason, started: true, evidence: { jobId: where.jobId } },
      })
      expect((await parent.next("report")).id).toBe(retried)
      parent.send({ do: "go", id: retried })
    }
    while (results.size < (finishes ? 4 : 3)) {
      const { id, value } = await parent.next("result")
      expect(results.has(id)).toBe(false)
      results.set(id, value)
    }
    expect((await parent.next("call:resumed")).info).toMatchObject({
      attempt: 2,
      reason: atOnce,
      from: { jobId: where.jobId },
    })

    const first = where.jobId
    const ran = book.read()
    const once: Entry = { begun: [first], ended: finishes ? [first] : [] }
    expect(ran.get(plain)).toEqual(once)
    const second = (id: number) => ran.get(id)!.begun.at(-1)!
    const twice = (id: number): Entry => ({ begun: [first, second(id)], ended: [second(id)] })
    expect(ran.get(retried)).toEqual(finishes ? once : twice(retried))
    expect(ran.get(resumable)).toEqual(twice(resumable))
    expect(ran.get(waiting)).toEqual({ begun: [second(waiting)], ended: [second(waiting)] })
    for (const id of finishes ? [resumable, waiting] : [retried, resumable, waiting])
      expect(second(id) === first).toBe(inJob)
    expect(readFileSync(join(keepDir, `result-${resumable}`), "utf8")).toBe(String(resumable))
    if (!inJob && swept)
      await waitFor(async () => !(await tempDirsLeft(where.node)).includes(where.tmpdir), "its directory to be deleted")
    if (!swept) await inNode(where.node, ["rm", "-rf", where.tmpdir])
    await close(parent)
  } finally {
    book.remove()
    rmSync(keepDir, { recursive: true, force: true })
  }
}
