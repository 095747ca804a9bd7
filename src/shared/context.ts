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
  /** A private directory (mode 0700) on this node, deleted when the runner ends, whatever the reason. */
  readonly tmpdir: string
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
  /** Aborted when the caller's signal fires, its timeout is over, or the parent is gone. */
  readonly signal: AbortSignal
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
