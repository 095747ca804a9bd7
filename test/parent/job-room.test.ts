import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { JobRoom } from "../../src/parent/job-room.ts"

describe("JobRoom", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    ["there is room for a whole job", { all: 4, alive: 4 }, 8],
    ["there never was any for one", { all: 4, alive: 4 }, 6],
    ["there is none", { all: 4, alive: 4 }, 4],
    ["one is whole although others leave", { all: 4, alive: 2 }, 8],
  ])("keeps nobody waiting when %s", (_, room, max) => {
    expect(new JobRoom(4, () => {}).most(max, room, 0)).toBe(max)
  })

  it("waits while others leave", () => {
    const room = new JobRoom(4, () => {})
    expect(room.most(4, { all: 3, alive: 1 }, 0)).toBe(3)
    expect(room.most(4, { all: 3, alive: 3 }, 0)).toBe(4)
  })

  it("waits a moment when one has gone, and looks again once", () => {
    const look = vi.fn()
    const room = new JobRoom(4, look)
    room.left()
    expect(room.most(4, { all: 3, alive: 3 }, 0)).toBe(3)
    vi.advanceTimersByTime(500)
    expect(room.most(4, { all: 2, alive: 2 }, 0)).toBe(2)
    expect(look).not.toHaveBeenCalled()
    vi.advanceTimersByTime(500)
    expect(look).toHaveBeenCalledTimes(1)
    expect(room.most(4, { all: 2, alive: 2 }, 0)).toBe(4)
  })

  it("does not stop a job half-way, and waits for nobody where each runner is a job", () => {
    const room = new JobRoom(4, () => {})
    room.left()
    expect(room.most(4, { all: 3, alive: 2 }, 1)).toBe(4)
    const single = new JobRoom(undefined, () => {})
    single.left()
    expect(single.most(4, { all: 3, alive: 2 }, 0)).toBe(4)
  })

  it.each([
    [4, 9, [0, 3, 2, 1, 0, 3, 2, 1, 0, 3]],
    [1, 3, [0, 0, 0, 0]],
  ])("counts the seats of jobs of %i", (perJob, boots, seats) => {
    const told: number[] = []
    new JobRoom(perJob, () => {}).fill(left => told.push(left) <= boots)
    expect(told).toEqual(seats)
  })
})
