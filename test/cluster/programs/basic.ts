/** What the cluster tests call on runners: an ordinary TypeScript module, bundled by the pool. */
import { spawn, spawnSync } from "node:child_process"
import { appendFileSync, existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { currentCall, runner } from "slurm-flame/runner"

export function where() {
  const { id, jobId, node, tmpdir } = runner()
  writeFileSync(join(tmpdir, "mark"), jobId)
  return { id, jobId, node, tmpdir, pid: process.pid, ppid: process.ppid, files: readdirSync(tmpdir) }
}

export async function train(x: { epochs: number }, onEpoch?: (e: { epoch: number; node: string }) => Promise<void>) {
  for (let epoch = 0; epoch < x.epochs; epoch++) await onEpoch?.({ epoch, node: runner().node })
  return { node: runner().node, weights: new Float64Array([1, Number.NaN, -0]) }
}

/** Waits for the call's or the runner's signal. */
export async function hold(started: () => Promise<void>): Promise<string> {
  const { signal } = currentCall()
  const stopped = new Promise<string>(resolve => {
    signal.addEventListener("abort", () => resolve("call aborted"))
    runner().signal.addEventListener("abort", () => resolve("runner aborted"))
  })
  await started()
  return await stopped
}

export function exit(code: number): never {
  process.exit(code)
}

/** Blocks the event loop for good. */
export async function block(started: () => Promise<void>): Promise<never> {
  await started()
  for (;;) {}
}

/** Meets the others: all of them must be running at once for any of them to return. */
export async function meet(arrive: (node: string) => Promise<void>): Promise<string> {
  await arrive(runner().node)
  return runner().node
}

export function environment(): Record<string, string | undefined> {
  return { ...process.env }
}

export function deadline(): number | undefined {
  return runner().deadline?.getTime()
}

/** Takes memory until there is none, and gives the kernel `victim` to kill first. */
export async function devour(started: () => Promise<void>, victim: "worker" | "supervisor"): Promise<never> {
  writeFileSync(`/proc/${victim === "worker" ? process.pid : process.ppid}/oom_score_adj`, "1000")
  await started()
  const taken: Buffer[] = []
  for (;;) taken.push(Buffer.alloc(1_000_000_000, 1)) // at once: who creeps up to his limit only becomes slow for long
}

/** Writes into the book that it begins and that it ends: how often a call really ran, whatever its caller heard. */
async function booked(book: string, id: number, work: () => Promise<unknown>) {
  const { jobId, node } = runner()
  // Appending a line is atomic, from whichever node.
  appendFileSync(book, `begun ${id} ${jobId}\n`)
  await work()
  appendFileSync(book, `ended ${id} ${jobId}\n`)
  return { id, jobId, node }
}

/** Takes its time, and is written down. */
export function work(book: string, id: number, ms: number) {
  return booked(book, id, () => delay(ms))
}

/** Goes on when its caller lets it, and is written down. */
export function wait(book: string, id: number, arrive: (node: string) => Promise<void>) {
  return booked(book, id, () => arrive(runner().node))
}

/**
 * Begins with a checkpoint and a file that is to stay, and waits until its runner is about to end; begun again, it goes on from there. With
 * `deaf` it does not hear of the end.
 */
export async function goOn(book: string, id: number, started: (node: string) => Promise<void>, deaf = false) {
  const saved = currentCall().resume<{ step: number; weights: Float64Array }>()
  return await booked(book, id, async () => {
    if (saved) {
      if (saved.step !== 7 || saved.weights[1] !== 0.1)
        throw new Error(`a checkpoint came back as ${JSON.stringify(saved)}`)
      return
    }
    writeFileSync(join(runner().tmpdir, "result"), String(id))
    await runner().keep("result", `result-${id}`)
    await currentCall().checkpoint({ step: 7, weights: new Float64Array([7, 0.1]) })
    await started(runner().node)
    const { signal } = runner()
    await new Promise(resolve => {
      if (!deaf) signal.addEventListener("abort", resolve)
    })
    signal.throwIfAborted()
  })
}

/** Writes down every 20 ms that it runs, and where, and heeds no signal; until there is a file `<path>.stop`. */
export async function diary(path: string, started: () => void): Promise<string> {
  started()
  const who = `${runner().node} ${process.env.SLURM_RESTART_COUNT ?? 0} ${process.pid}`
  while (!existsSync(`${path}.stop`)) {
    appendFileSync(path, `${Date.now()} ${who}\n`)
    await delay(20)
  }
  return who
}

/** Hears nothing of any signal, but leaves the event loop to others. */
export async function ignore(started: () => Promise<void>): Promise<never> {
  await started()
  return await new Promise<never>(() => setInterval(() => {}, 1_000))
}

/** Is stuck outside of JavaScript, beside processes of its own that ignore SIGTERM. */
export async function stuck(started: (pids: number[]) => Promise<void>): Promise<void> {
  const script = "trap '' TERM; sleep 600 & echo $!; wait"
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] })
  const sleeper = await new Promise<string>(resolve => child.stdout.once("data", data => resolve(String(data))))
  await started([child.pid!, Number(sleeper)])
  spawnSync("sleep", ["600"])
}

export async function rest(ms: number): Promise<void> {
  await delay(ms)
}

/** Writes a result into the runner's directory and keeps it. */
export async function produce(name: string, bytes: number): Promise<string> {
  writeFileSync(join(runner().tmpdir, name), Buffer.alloc(bytes, "x"))
  return await runner().keep(name)
}
