/** What a pool keeps of resumable calls: the newest state of each. Owns the words for it; where and how a state is kept is the implementation's. */

/** What was kept last. */
export interface Kept {
  /** A copy of its own each time. */
  readonly value: unknown
  readonly at: Date
  /** Of the value: equal states have equal ones. */
  readonly digest: string
}

/** The newest checkpoint of one call. */
export interface Checkpoint {
  /**
   * Keeps `value` in place of what was kept before; resolves when it, or one that was given later, is kept. Of several at once the newest is what
   * is kept in the end. The value is not copied: it belongs to the store, and nobody may change it any more.
   * @returns the digest of what is kept then
   * @throws (rejects) with what was wrong, and what was kept before stays: NotSerializableError; CheckpointError (a full disk)
   */
  save(value: unknown): Promise<string>
  /** Undefined: nothing was kept. @throws (rejects) CheckpointError where it cannot be read */
  load(): Promise<Kept | undefined>
  /** The call is over: nothing is kept from now on. Does not throw for what is gone already. */
  forget(): Promise<void>
}

/** Where checkpoints are kept. */
export interface Checkpoints {
  /**
   * The checkpoint of one call.
   * @param name The call's, for people who look at what is kept
   * @param id The name that its caller gave this very call: what an earlier parent kept under it is there. Undefined: a new one, of nobody else
   */
  open(name: string, id?: string): Checkpoint
}

/** Checkpoints with an end. */
export interface CheckpointStore extends Checkpoints {
  /** The pool is over: nothing stays that nobody can ask for again. Never rejects. */
  close(): Promise<void>
}
