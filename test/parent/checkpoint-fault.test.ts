import { describe, expect, it } from "vitest"
import { notKept, notRead } from "../../src/parent/checkpoint-fault.ts"
import { CheckpointError, NotSerializableError, StateError } from "../../src/shared/errors.ts"

const PATH = "/home/a/.local/state/slurm-flame/checkpoints/train-AbC123/1-train.checkpoint"
const system = (code: string) => Object.assign(new Error(`${code}: something, write`), { code })

describe("why a checkpoint is not kept", () => {
  it.each([
    ["ENOSPC", /the disk is full/],
    ["EDQUOT", /your quota on that file system is used up/],
    ["EFBIG", /ulimit -f/],
    ["EACCES", /may not write there/],
    ["EROFS", /may only be read/],
  ])("says for %s which call's it is, where, why and what to do", (code, why) => {
    const error = notKept("train", PATH, system(code))
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error.message).toMatch(/^the checkpoint of train\(\) cannot be kept in \/home\/a\/\S*\/train-AbC123: /)
    expect(error.message).toMatch(why)
    expect(error.message).toContain("An older one is as it was")
    expect(error.hint).toMatch(/make room there.*XDG_STATE_HOME/)
    expect(error.cause).toMatchObject({ code })
  })

  it("leaves the words of others to them, and their hint at the end", () => {
    expect(notKept("train", PATH, system("EIO")).message).toMatch(/: EIO: something, write\. An older one/)
    const state = notKept("train", PATH, new StateError("others may write there", { hint: "chmod go=" }))
    expect(state.message).toMatch(/others may write there\. An older one is as it was\n {2}hint: chmod go=$/)
    const value = new NotSerializableError("state.fn", "state.fn cannot cross")
    expect(notKept("train", PATH, value)).toBe(value)
  })
})

it("why one is not read, and how to begin anew, which differs for calls that can be asked for again", () => {
  const why = new CheckpointError("it is no whole value")
  expect(notRead("train", "one", PATH, why).hint).toBe(
    `it is left as it is. To begin the call from the start, move it away: mv ${PATH} ${PATH}.bad`,
  )
  expect(notRead("train", undefined, PATH, why).hint).toBe("called again, it begins from the start")
  expect(notRead("train", "one", PATH, new CheckpointError("no", { hint: "call registerClass()" })).hint).toMatch(
    /registerClass/,
  )
})
