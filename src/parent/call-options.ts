/** The options of one call and of a lease: types, defaults, and checks that name the option and say what to do. */
import { type Duration, type Infinite, toMs } from "../shared/duration.ts"
import { OptionError } from "../shared/errors.ts"
import { show } from "../shared/show.ts"
import type { Marks } from "../transport/protocol.ts"
import type { HeldObjects } from "./held-objects.ts"
import type { LearnedNeeds } from "./learned-needs.ts"
import type { Limits } from "./limit-watch.ts"
import { finite, flag, rejectUnknown } from "./option-checks.ts"
import { checkResumable, type ResumeOptions, type ResumePolicy } from "./resume-policy.ts"
import { checkRetries, type RetryOptions, type RetryPolicy } from "./retry-policy.ts"

/** Options of one call. */
export interface CallOptions {
  /** Total time: queue + boot + run. The remote function's signal is aborted when it is over. @default the pool's */
  timeout?: Duration | Infinite
  /** Aborting it rejects the call at once, and aborts the remote function's signal. */
  signal?: AbortSignal
  /**
   * How long it will take, generously: it goes only to a runner whose job has so much time left before its walltime, and one is booted
   * where none has. What is longer than a new runner has is refused with WalltimeError. 0: any runner will do. A key whose runner has
   * too little time left moves to another. @default learned from calls of the same function, see the pool's `learnNeeds`
   */
  needs?: Duration
  /**
   * Calls of one key go to one runner, the one that served the first of them, as long as it lives: data loaded there is there. They
   * wait for it where it is full. After a crash or a drain the key moves to another runner.
   */
  key?: string
  /**
   * A name of your own for this very call, with its arguments: for calls through `pool.with({ id })` of a pool with `persist: true`. As long as
   * the runner that runs it lives, a call of the same id is not run a second time: it gets what came of the first, also in a
   * program that was started again. A failure is told once; the next call of that id runs. Results must be values that can be copied.
   */
  id?: string
  /**
   * How often the call may be run again after it failed, and after which errors; a number means: after the loss of its runner. What
   * never began moves to another runner by itself and costs no retry. @default 0
   */
  retries?: number | RetryOptions
  /**
   * Whether the call goes on when its runner is lost (walltime, preemption, a lost node, no memory left, a crash, a cut network): it is begun
   * again on another runner, and `currentCall().resume()` gives it the state that it last gave to `currentCall().checkpoint(state)`. Its
   * `timeout` and `signal` are for all of it, `retries` for errors of its own. It is given up, with RunnerLostError, when it was begun
   * `attempts` times in a row (3, unless said otherwise) without a newer state in its checkpoint. A call whose arguments hold a
   * stream or a port can be sent once; one that has returned a stream has answered. @default false
   */
  resumable?: boolean | ResumeOptions
  /**
   * Whether the work belongs to its caller. False: `signal` rejects the call at once but does not stop the work (`timeout` does),
   * and when the parent is gone it may finish within the pool's `shutdownTimeout`. @default true
   */
  link?: boolean
  /**
   * Values in the result that can be disposed of (`Trackable`) stay on the runner and cross by reference, wherever they are in it.
   * Together they hold the runner and the call's slot until each of them is disposed of. @default the pool's
   */
  trackResources?: boolean
}

/** A resource: something that says how it is disposed of. */
export type Trackable = AsyncDisposable | Disposable

/** What holds for calls whose options say nothing. */
export interface CallDefaults {
  readonly timeoutMs: number
  readonly trackResources?: boolean
  /** Hears of what results hold by reference. */
  readonly held?: HeldObjects
  /** Why no call may have a key; undefined: it may. */
  readonly keyless?: string | undefined
  /** Why no call may be resumable; undefined: it may. */
  readonly unresumable?: string | undefined
  /** Calls are resumable. */
  readonly resumable?: ResumePolicy | undefined
  /** Why no call may say what time it needs; undefined: it may. */
  readonly needless?: string | undefined
  /** Learns how long calls take. */
  readonly learned?: LearnedNeeds | undefined
  /** A call may have an id. Default: none may. */
  readonly ids?: boolean
}

/** What a pool with these settings has for its calls. */
export function callDefaults(
  settings: { readonly timeoutMs: number; readonly trackResources: boolean; readonly singleUse: boolean },
  held: HeldObjects,
  learned?: LearnedNeeds,
): CallDefaults {
  const { timeoutMs, trackResources, singleUse } = settings
  const keyless = singleUse ? "with `singleUse` no runner serves a second call" : undefined
  return { timeoutMs, trackResources, held, keyless, learned }
}

/** What a call works with. */
export interface CallLimits extends Limits {
  readonly key?: string | undefined
  readonly id?: string | undefined
  /** What it said that it needs; 0: nothing in particular. Undefined: it did not say. */
  readonly needsMs?: number | undefined
  readonly learned?: LearnedNeeds | undefined
  readonly retries?: RetryPolicy | undefined
  readonly resumable?: ResumePolicy | undefined
}

/** Options of `spawn`. */
export interface SpawnOptions {
  /** How long to wait for a runner, its boot included. @default the pool's `timeout` */
  timeout?: Duration | Infinite
  signal?: AbortSignal
  /**
   * Whether calls through `r.api` are: when the runner is lost, those under way go on, each on any runner of the pool, while the lease is over.
   * `r.with({ resumable: false })` has them end with it. @default false
   */
  resumable?: boolean | ResumeOptions
  /** The runner has at least so much time left before its walltime when it is given; one is booted where none has. @default any */
  needs?: Duration
}

/** Every id is remembered on both sides. */
const MAX_ID = 200
const LIMITS = ["timeout", "signal", "needs", "resumable"] as const satisfies readonly (keyof SpawnOptions)[]
/** The names of all options of a call. */
export const CALL_OPTIONS = [
  ...LIMITS,
  "key",
  "id",
  "retries",
  "link",
  "trackResources",
] as const satisfies readonly (keyof CallOptions)[]

/**
 * @param defaults Where `options` has none. A number is a time for what is no call, and has the options of `spawn` alone.
 * @param where Whose options they are, for messages.
 * @throws OptionError
 */
export function checkCallOptions(
  options: CallOptions | undefined,
  defaults: number | CallDefaults,
  where = "a call",
): CallLimits {
  const isCall = typeof defaults === "object"
  const {
    timeoutMs,
    trackResources = false,
    held,
    keyless,
    unresumable,
    resumable,
    needless,
    learned,
    ids = false,
  }: CallDefaults = isCall ? defaults : { timeoutMs: defaults }
  if (options === undefined) {
    const marks = marksOf(true, trackResources)
    return { timeoutMs, signal: undefined, marks, held, learned, ...(resumable && { resumable }) }
  }
  if (typeof options !== "object" || options === null) {
    throw new OptionError("options", `the options of ${where} must be an object, got ${show(options)}`, {
      hint: "{ timeout: '5m', signal }",
    })
  }
  rejectUnknown(options, isCall ? CALL_OPTIONS : LIMITS, where)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new OptionError("signal", "`signal` is not an AbortSignal")
  }
  const link = flag(options, "link") ?? true
  const id = options.id === undefined ? undefined : checkId(options.id, ids, where)
  return {
    timeoutMs: options.timeout === undefined ? timeoutMs : toMs(options.timeout, "timeout"),
    signal: options.signal,
    marks: marksOf(link, flag(options, "trackResources") ?? trackResources, id),
    held,
    learned,
    ...(options.needs !== undefined && { needsMs: checkNeeds(options.needs, needless) }),
    ...(id !== undefined && { id }),
    ...(options.key !== undefined && { key: checkKey(options.key, keyless) }),
    ...(options.retries !== undefined && { retries: checkRetries(options.retries) }),
    ...goesOn(options.resumable, resumable, link, unresumable),
  }
}

function checkNeeds(needs: Duration, needless: string | undefined): number {
  const ms = finite(toMs(needs, "needs"), "needs")
  if (needless === undefined) return ms
  throw new OptionError("needs", `\`needs\` means nothing here: ${needless}`, { hint: "pool.spawn({ needs: '25m' })" })
}

function marksOf(link: boolean, track: boolean, once?: string): Marks | undefined {
  if (link && !track && once === undefined) return undefined
  return {
    ...(link ? {} : { unlinked: true }),
    ...(track ? { track: true } : {}),
    ...(once === undefined ? {} : { once }),
  }
}

function checkId(id: unknown, allowed: boolean, where: string): string {
  if (!allowed) {
    throw new OptionError("id", `\`id\` means nothing for ${where} here`, {
      hint: "it is for calls through `pool.with({ id })`, of a pool made with `persist: true`",
    })
  }
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID) return id
  throw new OptionError("id", `\`id\` must be text of 1 to ${MAX_ID} characters, got ${show(id)}`, {
    hint: "id: `fit-17`, the same each time the program is started",
  })
}

/** @param given The option; undefined: what holds for all. */
function goesOn(
  given: unknown,
  all: ResumePolicy | undefined,
  link: boolean,
  unresumable: string | undefined,
): Pick<CallLimits, "resumable"> {
  // Of all calls it is only said in general: work that goes on without its caller is an exception.
  const resumable = given === undefined ? (link ? all : undefined) : checkGoesOn(given, link, unresumable)
  return resumable ? { resumable } : {}
}

function checkGoesOn(resumable: unknown, link: boolean, unresumable: string | undefined): ResumePolicy | undefined {
  const policy = checkResumable(resumable)
  if (!policy) return undefined
  if (unresumable !== undefined) {
    throw new OptionError("resumable", `\`resumable\` means nothing here: ${unresumable}`, { hint: "leave it out" })
  }
  if (!link) {
    throw new OptionError("resumable", "`resumable` and `link: false` contradict each other", {
      hint: "work that goes on without its parent cannot be known to have ended when it is begun elsewhere: leave one of the two out",
    })
  }
  return policy
}

function checkKey(key: unknown, keyless: string | undefined): string {
  if (keyless !== undefined) {
    throw new OptionError("key", `\`key\` means nothing here: ${keyless}`, { hint: "leave it out" })
  }
  if (typeof key === "string" && key !== "") return key
  throw new OptionError("key", `\`key\` must be text that is not empty, got ${show(key)}`, {
    hint: "key: dataset.id",
  })
}
