/**
 * Where user code finds out that it runs inside a runner. The worker puts the context on a well-known symbol of the global
 * object: a bundled user module holds its own copy of this file, and all copies must see the same runner.
 */
import type { AsyncLocalStorage } from "node:async_hooks"
import { StateError } from "./errors.ts"

/** Why a runner shuts down, and how long the hooks may take. */
export interface ShutdownEvent {
  reason: string
  /** Milliseconds until the process is killed. */
  graceMs: number
}

/** The runner that this code runs in. */
export interface RunnerContext {
  readonly id: string
  readonly pool: string
  /** Slurm's job id; `local-<pid>` with the local backend. */
  readonly jobId: string
  /** Name of the node. */
  readonly node: string
  /**
   * A private directory (mode 0700) on this node, deleted when the runner ends, whatever the reason; of a runner that was killed together
   * with its node, by the next one there. A file `.slurm-flame` in it says whose it is. `keep` moves out what is to stay.
   */
  readonly tmpdir: string
  /**
   * Moves a file or a directory out of `tmpdir` to the pool's `keepDir`, where it stays. In a drain and in a shutdown hook as well: while
   * there is time, the drain waits for it, also where nobody awaits it. Across file systems it is copied, with modes and times, links as
   * links, and is on disk before it has its name: nothing incomplete ever has it.
   * @param path In `tmpdir`; a relative one is taken from there.
   * @param as Where in `keepDir`, as a relative path. Default: where it is in `tmpdir`. Nothing that is there is replaced.
   * @returns its new absolute path
   * @throws OptionError when `path` is not in `tmpdir`, or `as` would not be in `keepDir`; StateError when there is something of that name;
   * what the file system says
   */
  keep(path: string, as?: string): Promise<string>
  /** Aborted when the runner drains: the walltime is near, the job was cancelled, the pool closes, the parent is gone. */
  readonly signal: AbortSignal
  /** When the walltime ends; undefined when there is no limit, or it is not known yet. */
  readonly deadline: Date | undefined
  /**
   * Milliseconds until `deadline`, on a clock that nobody sets; Infinity without one. A drain does not have all of it: it keeps about 1.5 s for cleaning
   * up, so work that is to be saved must be done that much earlier.
   */
  remaining(): number
  /**
   * Registers a hook that runs when the runner has drained, before its directory is deleted. Hooks run in parallel; what
   * one throws is written to stderr and stops no other. When the end of the job, or a signal, began the drain, its time, and so the hooks'
   * `graceMs`, ends about 1.5 s before the job does; where work used all of it, hooks have a last 0.7 s. Not when the event loop is
   * blocked, nor when there is no time at all (`terminate()`). Returns a function that removes the hook.
   */
  onShutdown(hook: (event: ShutdownEvent) => void | Promise<void>): () => void
}

/** The call that is running now. */
export interface CallContext {
  /** Unique in this runner. */
  readonly id: number
  /** Aborted when the caller's signal fires, its timeout is over, or the parent is gone. Not by a drain: see `runner().signal`. */
  readonly signal: AbortSignal
  /**
   * True when the call was made with `resumable`: when its runner is lost, it goes on elsewhere from its last checkpoint. The members below do
   * nothing in a call that was not, so that one function serves both.
   */
  readonly resumable: boolean
  /** 1 the first time the call begins, 2 when it goes on for the first time, and so on. Always 1 in a call that is not resumable. */
  readonly attempt: number
  /**
   * The state of the last checkpoint, a copy of the call's own; undefined when there is none, so that the work begins at its beginning.
   *
   *     const state = currentCall().resume<State>() ?? { epoch: 0, weights: init() }
   */
  resume<S>(): S | undefined
  /**
   * Keeps `state` as the call's newest checkpoint: any value that can cross, typed arrays included. It is copied when this is called and may be
   * changed at once. Resolves when the parent has stored it, or a newer one: of several at once only the newest is sent. Rejects with what
   * was wrong when it cannot be stored (a value that cannot cross, a full disk); the one before it counts then, and the call may go on. Nobody
   * has to wait for it: a rejection is written to stderr too, and ends nothing.
   *
   * The parent that stores it may be gone while the runner waits for the next one (`persist`): it resolves when that one has stored it. After
   * the function has returned it does nothing.
   */
  checkpoint(state: unknown): Promise<void>
  /**
   * Asks for a last state when the runner drains: `handler` runs when the drain begins, before `runner().signal` is aborted, and once more shortly
   * before the drain's time is over if the function still runs. What it gives (or its promise does) is stored as by `checkpoint`, undefined not.
   * One that throws is written to stderr, one that takes too long is not waited for; the checkpoint before it counts then. It cannot run
   * while the function blocks the event loop. Not called when the pool itself ends the runner: it waits for its calls, or ends them.
   * @returns what takes the handler back
   */
  onDrain(handler: () => unknown): () => void
}

interface RunnerGlobals {
  readonly runner: RunnerContext
  readonly calls: AsyncLocalStorage<CallContext>
}

const KEY = Symbol.for("slurm-flame.runner")
const holder = globalThis as { [KEY]?: RunnerGlobals }

/** True inside a runner: a module can skip what belongs to the parent alone (starting its web server, say). */
export function inRunner(): boolean {
  return holder[KEY] !== undefined
}

/** @internal Called once by the worker, before the user's module is imported. */
export function installContext(globals: RunnerGlobals): void {
  if (holder[KEY]) throw new StateError("a process has one runner context")
  holder[KEY] = globals
}

/** The context of this runner. @throws StateError outside a runner; check `isRunner` where both can happen. */
export function runnerContext(): RunnerContext {
  const globals = holder[KEY]
  if (globals) return globals.runner
  throw new StateError("runner() was called outside a runner", {
    hint: "only code that a pool runs has a runner; test `isRunner` first where a module is used on both sides",
  })
}

/** The call that is running now. @throws StateError outside a call (at import time, or in a timer the call left behind). */
export function callContext(): CallContext {
  const call = holder[KEY]?.calls.getStore()
  if (call) return call
  throw new StateError("currentCall() was called outside a call", {
    hint: "it works in a function that a pool called, and in everything that function awaits",
  })
}
