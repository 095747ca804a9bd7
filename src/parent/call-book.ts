/**
 * Calls that have an id: which runner has them, and who asks for one that is under way. Owns the ids; what a runner keeps of a call, and for how
 * long, is the worker's business.
 */
import { StateError } from "../shared/errors.ts"
import { type CallIds, KEPT_RESULTS } from "../transport/protocol.ts"
import type { Call } from "./call.ts"

/** Who has calls: the service of a runner. */
export interface CallHolder {
  /** Asks for what came of the call there, or will. @param again It is not known there: the call is to be run. */
  join(call: Call, again: (failed: boolean) => void): void
}

interface Asked {
  readonly call: Call
  readonly promise: PromiseLike<unknown>
  /** Lets it wait for a slot, as any call. */
  readonly queue: () => void
  readonly again: (failed: boolean) => void
}

export class CallBook {
  readonly #holders = new Map<string, CallHolder>()
  /** In the order in which they came. */
  readonly #ids = new Map<CallHolder, Set<string>>()
  readonly #underWay = new Map<string, Asked>()
  /** Runners that another parent left and that have not said yet what they have. */
  readonly #expected = new Set<string>()
  #waiting: Asked[] = []
  #opening = false

  /** Somebody waits for a call that has an id. */
  get asked(): boolean {
    return this.#underWay.size > 0
  }

  /** @param left Runners that another parent left: each will be heard of, and no call is placed before all were. Does not reject. */
  async expect(left: Promise<readonly string[]>): Promise<readonly string[]> {
    this.#opening = true
    const ids = await left
    for (const id of ids) this.#expected.add(id)
    this.#opening = false
    this.#placeWaiting()
    return ids
  }

  /** The runner has said what it has, or has nothing: it waits for its job, or is gone. */
  heard(runnerId: string): void {
    if (this.#expected.delete(runnerId)) this.#placeWaiting()
  }

  /** The worker has these. */
  has(holder: CallHolder, { running, over }: CallIds): void {
    for (const id of [...over, ...running]) this.sent(id, holder)
  }

  /** The call is there from now on. */
  sent(id: string, holder: CallHolder): void {
    const ids = this.#ids.get(holder) ?? new Set()
    this.#ids.set(holder, ids)
    this.#holders.set(id, holder)
    ids.delete(id)
    ids.add(id)
    for (const oldest of ids) {
      if (ids.size <= KEPT_RESULTS) return
      ids.delete(oldest)
      if (this.#holders.get(oldest) === holder) this.#holders.delete(oldest)
    }
  }

  /** The worker is gone, and all that it had. */
  lost(holder: CallHolder): void {
    for (const id of this.#ids.get(holder) ?? []) if (this.#holders.get(id) === holder) this.#holders.delete(id)
    this.#ids.delete(holder)
  }

  /** Somebody asks for a call that has an id: of a call that is under way here, of the runner that has it, or as of any other. */
  ask(asked: Asked): void {
    const { call } = asked
    const id = call.id!
    const first = this.#underWay.get(id)
    if (!first) {
      this.#underWay.set(id, asked)
      this.#place(id, asked)
    } else if (first.call.name !== call.name) {
      call.fail(
        new StateError(
          `the call id ${JSON.stringify(id)} is that of a call to ${first.call.name}(), not ${call.name}()`,
          {
            hint: "an id stands for one call with its arguments: choose another one",
          },
        ),
      )
    } else {
      first.promise.then(
        value => {
          call.resolve(value)
          call.done()
        },
        error => call.fail(error),
      )
    }
  }

  /** The call has settled: who asks after that asks its runner. False: it was no call of these. */
  settled(call: Call): boolean {
    if (call.id === undefined || this.#underWay.get(call.id)?.call !== call) return false
    this.#underWay.delete(call.id)
    this.#waiting = this.#waiting.filter(asked => asked.call !== call)
    return true
  }

  /** There will be no runner. */
  failAll(error: unknown): void {
    for (const { call } of this.#waiting.splice(0)) call.fail(error)
  }

  #place(id: string, asked: Asked): void {
    if (asked.call.settled) return
    if (this.#opening || this.#expected.size > 0) {
      this.#waiting.push(asked)
      return
    }
    const holder = this.#holders.get(id)
    if (!holder) return asked.queue()
    holder.join(asked.call, failed => {
      if (this.#holders.get(id) === holder) this.#holders.delete(id)
      asked.again(failed)
    })
  }

  /** In a turn of its own: who is just being heard of has to come to rest first. */
  #placeWaiting(): void {
    if (this.#opening || this.#expected.size > 0) return
    queueMicrotask(() => {
      for (const asked of this.#waiting.splice(0)) this.#place(asked.call.id!, asked)
    })
  }
}
