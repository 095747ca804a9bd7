/** What a pool keeps of resumable calls: the newest state of each. Owns the words for it; where and how a state is kept is the implementation's. */

/** The newest checkpoint of one call. */
export interface Checkpoint {
  /**
   * Keeps `value` in place of what was kept before. It is written down before this returns: what is done to the value afterwards does not
   * matter. Of several at once the newest is what is kept in the end.
   * @throws (rejects) with what was wrong, and what was kept before stays: NotSerializableError, a full disk
   */
  save(value: unknown): Promise<void>
  /** What was kept last, a copy of its own each time, and when; undefined: nothing was. @throws (rejects) where it cannot be read */
  load(): Promise<{ value: unknown; at: Date } | undefined>
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
