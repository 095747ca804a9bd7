/**
 * The way of a call's checkpoints to the parent: one at a time, and of those that wait only the newest. Owns the copies that have not arrived;
 * knows neither what a state is nor where it is kept.
 */
import { isFlameError, PayloadTooLargeError } from "../../shared/errors.ts"
import { Snapshot } from "../../transport/snapshot.ts"
import { withTransferList } from "../../transport/transfer.ts"

/** The parent's function; it resolves when the state is stored. */
export type Save = (state: unknown) => Promise<unknown>

/** A state that has not arrived, and all who wait until it has, or a newer one. */
class Parcel {
  snapshot: Snapshot
  readonly arrived: Promise<void>
  resolve!: () => void
  reject!: (error: unknown) => void

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
    this.arrived = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

export class CheckpointSender {
  #save: Save
  /** The call outlives its line: what did not arrive over this one goes over the next. */
  readonly #lasting: boolean
  #sending: Parcel | undefined
  #next: Parcel | undefined
  /** The line is gone, and there is no other yet. */
  #cut = false
  #over = false

  constructor(save: Save, lasting: boolean) {
    this.#save = save
    this.#lasting = lasting
  }

  /** Copies `state`, now, and sends it. @throws NotSerializableError, at once; rejects with what the parent could not do */
  send(state: unknown): Promise<void> {
    if (this.#over) return Promise.resolve()
    const snapshot = new Snapshot(state, "checkpoint")
    if (this.#next) this.#next.snapshot = snapshot
    else this.#next = new Parcel(snapshot)
    const { arrived } = this.#next
    if (!this.#sending) void this.#run()
    return arrived
  }

  /** Another parent has come: what has not arrived, and all that follows, goes there. */
  goesTo(save: Save): void {
    this.#save = save
    this.#cut = false
    if (!this.#sending) void this.#run()
  }

  /** Resolves when nothing is on its way any more, whatever became of it. */
  async arrived(): Promise<void> {
    await Promise.allSettled([this.#sending?.arrived, this.#next?.arrived])
  }

  /** The call is over: nobody needs what has not arrived, and nobody is told of it. */
  end(): void {
    this.#over = true
    this.#next?.resolve()
    this.#next = undefined
  }

  async #run(): Promise<void> {
    for (let parcel = this.#take(); parcel; parcel = this.#take()) {
      this.#sending = parcel
      const save = this.#save
      try {
        await this.#transmit(parcel, save)
        parcel.resolve()
      } catch (error) {
        if (this.#over) parcel.resolve()
        else if (this.#lasting && isOfTheLine(error)) this.#keep(parcel, save)
        else parcel.reject(error)
      }
      this.#sending = undefined
    }
  }

  #take(): Parcel | undefined {
    if (this.#cut) return undefined
    const next = this.#next
    this.#next = undefined
    return next
  }

  /** Where the copy is not needed any more its memory goes into the message. */
  #transmit({ snapshot }: Parcel, save: Save): Promise<unknown> {
    if (this.#lasting) return save(snapshot.value())
    const { value, memory } = snapshot.take()
    return withTransferList(memory, () => save(value))
  }

  /** It has not arrived: it waits for the next parent, unless there is a newer one. */
  #keep(parcel: Parcel, save: Save): void {
    this.#cut = this.#save === save
    if (this.#next) this.#next.arrived.then(parcel.resolve, parcel.reject)
    else this.#next = parcel
  }
}

/** What the parent threw arrives as an error of its own kind; one of ours was made here, when the line ended. */
function isOfTheLine(error: unknown): boolean {
  return isFlameError(error) && !(error instanceof PayloadTooLargeError)
}
