/** How many runners there are, when one whose walltime ends and its successor count as one. */
import { expect, it } from "vitest"
import { Headcount } from "../../src/parent/headcount.ts"
import type { RunnerState } from "../../src/parent/runner-state.ts"

class One {
  state: RunnerState = "submitting"
  retiring: string | undefined
  running = 0
}

function setUp() {
  const head = new Headcount<One>()
  const add = (predecessor?: One) => {
    const one = new One()
    head.add(one, predecessor)
    return one
  }
  const move = (one: One, ...path: RunnerState[]) => {
    for (const to of path) {
      const from = one.state
      one.state = to
      head.moved(one, from)
    }
  }
  const retire = (one: One) => {
    one.retiring = "walltime"
    head.retires(one)
  }
  const now = () => Object.values(head.now).join(" ") // all, alive, serving, booting
  return { head, add, move, retire, now }
}

it("a pair is one, from the submission of the successor to the end of the predecessor", () => {
  const { add, move, retire, now } = setUp()
  const old = add()
  expect(now()).toBe("1 1 1 1")
  move(old, "submitted", "booting", "ready")
  expect(now()).toBe("1 1 1 0")
  const next = add(old)
  expect(now()).toBe("1 1 1 0") // it is on its way for nobody who waits
  move(next, "submitted", "booting", "ready")
  expect(now()).toBe("1 1 1 0")
  retire(old)
  expect(now()).toBe("1 1 1 0")
  move(old, "draining")
  expect(now()).toBe("1 1 1 0")
  move(old, "gone")
  expect(now()).toBe("1 1 1 0")
})

it("one that drains before its successor serves: that one is on its way for those who wait", () => {
  const { add, move, now } = setUp()
  const old = add()
  move(old, "submitted", "booting", "ready")
  const next = add(old)
  move(old, "draining")
  expect(now()).toBe("1 1 1 1")
  move(old, "gone")
  expect(now()).toBe("1 1 1 1")
  move(next, "submitted", "booting", "ready")
  expect(now()).toBe("1 1 1 0")
})

it("a successor that is lost before it served: its predecessor stands for itself", () => {
  const { add, move, now } = setUp()
  const old = add()
  move(old, "submitted", "booting", "ready")
  move(add(old), "submitted", "gone")
  expect(now()).toBe("1 1 1 0")
})

it("one that was let go for a successor which is lost: it keeps nobody else from booting", () => {
  const { add, move, retire, now } = setUp()
  const old = add()
  move(old, "submitted", "booting", "ready")
  const next = add(old)
  move(next, "submitted", "booting", "ready")
  retire(old)
  move(next, "gone")
  expect(now()).toBe("0 0 0 0")
  move(old, "draining", "gone")
  expect(now()).toBe("0 0 0 0")
})

it("a row of three is one", () => {
  const { add, move, retire, now } = setUp()
  const [a] = [add()]
  move(a!, "submitted", "booting", "ready")
  const b = add(a)
  move(b, "submitted", "booting", "ready")
  retire(a!)
  const c = add(b)
  expect(now()).toBe("1 1 1 0")
  move(c, "submitted", "booting", "ready")
  retire(b)
  move(a!, "draining")
  expect(now()).toBe("1 1 1 0")
})

it("one that retires and comes back into the queue has not come to stay", () => {
  const { add, move, retire, now } = setUp()
  const one = add()
  move(one, "submitted", "booting", "ready")
  retire(one)
  move(one, "draining", "pending", "gone")
  expect(now()).toBe("0 0 0 0")
})
