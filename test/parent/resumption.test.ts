/** What a resumable call goes on from, and when it is given up. */
import { describe, expect, it, vi } from "vitest"
import type { Checkpoint, Checkpoints } from "../../src/parent/checkpoint-store.ts"
import { lostError } from "../../src/parent/lost-error.ts"
import { MemoryCheckpoints } from "../../src/parent/memory-checkpoints.ts"
import { type LeftRunner, Resumption } from "../../src/parent/resumption.ts"
import { NotSerializableError } from "../../src/shared/errors.ts"
import { deferred } from "../transport/link.ts"

const lost = lostError("r-1", "walltime", true, {})
const from = { info: { id: "r-1", state: "gone" }, goneReason: "preempted" } as LeftRunner

function scene(attempts = 3, checkpoints: Checkpoints = new MemoryCheckpoints(), id?: string) {
  const resumed = vi.fn()
  const left = vi.fn()
  const make = () => new Resumption("train", id, { attempts }, { checkpoints, resumed, left })
  return { resumption: make(), make, resumed, left, checkpoints }
}

/** A store whose writes take as long as they are told to. */
function slow() {
  const inner = new MemoryCheckpoints()
  const gates: { open: () => void; fail: (error: Error) => void }[] = []
  const log: string[] = []
  const open = (name: string, id?: string): Checkpoint => {
    const checkpoint = inner.open(name, id)
    return {
      async save(value) {
        const gate = deferred<void>()
        gates.push({ open: () => gate.resolve(), fail: error => gate.reject(error) })
        await gate.promise
        log.push(`kept ${value}`)
        return await checkpoint.save(value)
      },
      load: () => checkpoint.load(),
      async forget() {
        log.push("forgotten")
        await checkpoint.forget()
      },
    }
  }
  return { store: { open }, gates, log }
}

describe("a resumption", () => {
  it("begins at the beginning, and then from the newest state, a copy of its own", async () => {
    const { resumption, resumed } = scene()
    const first = await resumption.begin(false)
    expect(first).toMatchObject({ attempt: 1, state: undefined })
    const state = { epoch: 1, weights: new Float32Array([1, 2]) }
    await first.save(state)
    state.weights[0] = 9
    resumption.ended()
    resumption.leaves(from, lost)
    const second = await resumption.begin(false)
    expect(second).toMatchObject({ attempt: 2, state: { epoch: 1, weights: new Float32Array([1, 2]) } })
    expect(resumed).toHaveBeenCalledTimes(1)
    const event = {
      name: "train",
      id: undefined,
      attempt: 2,
      reason: "walltime",
      checkpoint: expect.any(Date),
      from: from.info,
    }
    expect(resumed).toHaveBeenCalledWith(event)
  })

  it("keeps nothing of an attempt that has ended", async () => {
    const { resumption } = scene()
    const first = await resumption.begin(false)
    await first.save(1)
    resumption.ended()
    await expect(first.save("late")).rejects.toThrow(/goes on elsewhere: a checkpoint of its attempt 1 comes too late/)
    const second = await resumption.begin(false)
    await expect(first.save("late")).rejects.toThrow(/attempt 1 comes too late/)
    await second.save(2)
    await expect(first.save("late")).rejects.toThrow(/attempt 1 comes too late/)
    resumption.ended()
    expect((await resumption.begin(false)).state).toBe(2)
  })

  it("waits for a state that is still being kept, and counts it", async () => {
    const { store, gates } = slow()
    const { resumption } = scene(1, store)
    const { save } = await resumption.begin(false)
    const saved = save("newest")
    resumption.ended()
    expect(resumption.exhausted).toBe(false) // it may have got on: that is seen when it is known
    const second = resumption.begin(false)
    gates[0]!.open()
    await saved
    expect((await second).state).toBe("newest")
  })

  it("does not get on by a state that could not be kept", async () => {
    const { store, gates } = slow()
    const { resumption } = scene(1, store)
    const { save } = await resumption.begin(false)
    const saved = save("newest")
    resumption.ended()
    const second = resumption.begin(false)
    gates[0]!.fail(new Error("no space left"))
    await expect(saved).rejects.toThrow("no space left")
    await expect(second).rejects.toThrow(/could not be kept/)
    expect(resumption.exhausted).toBe(true)
  })

  it("is exhausted after so many starts in a row without a newer state, and each state counts anew", async () => {
    const { resumption } = scene(2)
    for (const state of [undefined, 1, 2, undefined]) {
      expect(resumption.exhausted).toBe(false)
      const { save } = await resumption.begin(false)
      if (state !== undefined) await save(state)
      resumption.ended()
    }
    expect(resumption.exhausted).toBe(false)
    await resumption.begin(false)
    resumption.ended()
    expect(resumption.exhausted).toBe(true)
    const error = resumption.givenUp(lost, "r-1")
    expect(error).toMatchObject({ reason: "walltime", started: true, runnerId: "r-1" })
    expect(error.message).toMatch(
      /^train was begun 2 times in a row without a newer state in its checkpoint \(the last one is of 20.*Z\)/,
    )
    expect(error.message).toMatch(/runner r-1 is gone: walltime/)
  })

  it("does not get on by keeping what it was begun with, but by what differs from that", async () => {
    const { resumption } = scene(2)
    const stateOf = (epoch: number) => ({ epoch, weights: new Float32Array([epoch]) })
    const first = await resumption.begin(false)
    await first.save(stateOf(1))
    resumption.ended()
    const second = await resumption.begin(false)
    await second.save(stateOf(1))
    resumption.ended()
    expect(resumption.exhausted).toBe(false)
    const third = await resumption.begin(false)
    await third.save(stateOf(1))
    expect(resumption.exhausted).toBe(true)
    await third.save(stateOf(2))
    expect(resumption.exhausted).toBe(false)
    resumption.ended()
    const fourth = await resumption.begin(false)
    await fourth.save(stateOf(2))
    resumption.ended()
    expect(resumption.exhausted).toBe(false)
    await resumption.begin(false)
    expect(resumption.exhausted).toBe(true)
  })

  it("does not count a start that was refused", async () => {
    const { resumption, resumed } = scene(1)
    for (let i = 0; i < 5; i++) {
      expect((await resumption.begin(false)).attempt).toBe(1)
      resumption.refused()
      expect(resumption.exhausted).toBe(false)
    }
    expect(resumed).not.toHaveBeenCalled()
  })

  it("an interruption is told with what its runner drained for", async () => {
    const { resumption } = scene(1)
    await resumption.begin(false)
    resumption.ended()
    const why = new Error("the runner is draining")
    resumption.leaves(from, why)
    expect(resumption.givenUp(why, "r-1")).toMatchObject({
      reason: "preempted",
      cause: why,
      message: expect.stringMatching(/^train was begun once without a newer state in its checkpoint \(it has none\)/),
    })
    const none = new Error("no runner comes up\nmore of it")
    expect(resumption.stranded(why, "r-1", none)).toMatchObject({
      cause: none,
      message: expect.stringMatching(
        /^train cannot go on from its checkpoint \(it has none\): no runner comes up\. It was lost/,
      ),
    })
  })

  it("forgets its state when it is over, after all that was being kept", async () => {
    const { store, gates, log } = slow()
    const { resumption } = scene(3, store)
    const { save } = await resumption.begin(false)
    const saved = save(1)
    resumption.over(false)
    expect(await save(2)).toBeUndefined() // nobody is told: the function hears of the end by its signal
    gates[0]!.open()
    await saved
    await vi.waitFor(() => expect(log).toEqual(["kept 1", "forgotten"]))
  })

  it("leaves the state of a call that has an id and did not come to its end to who asks next", async () => {
    const { resumption, make } = scene(1, new MemoryCheckpoints(), "fit-1")
    await (await resumption.begin(false)).save("half")
    resumption.over(true)
    const next = make()
    expect((await next.begin(false)).state).toBe("half")
    next.over(false)
    expect((await make().begin(false)).state).toBeUndefined()
  })

  it("a call that was never begun here forgets nothing of others", async () => {
    const { resumption, make } = scene(1, new MemoryCheckpoints(), "fit-1")
    await (await resumption.begin(false)).save("half")
    make().over(false)
    resumption.ended()
    expect((await resumption.begin(false)).state).toBe("half")
  })

  it("tells of a state that cannot be forgotten", async () => {
    const checkpoint: Checkpoint = {
      save: async () => "",
      load: async () => undefined,
      forget: () => Promise.reject(new Error("EIO")),
    }
    const { resumption, left } = scene(1, { open: () => checkpoint })
    await resumption.begin(false)
    resumption.over(false)
    await vi.waitFor(() => expect(left).toHaveBeenCalledWith(expect.objectContaining({ message: "EIO" })))
  })
})

it("the store in memory keeps what it had when a state is refused", async () => {
  const checkpoint = new MemoryCheckpoints().open("train")
  await checkpoint.save({ n: 1 })
  await expect(checkpoint.save({ fn() {} })).rejects.toThrow(NotSerializableError)
  expect((await checkpoint.load())?.value).toEqual({ n: 1 })
  await checkpoint.forget()
  expect(await checkpoint.load()).toBeUndefined()
})
