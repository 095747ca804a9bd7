/** Who waits, and in which order: a queue and the line of a pool. */
import { describe, expect, it } from "vitest"
import { Request, RequestQueue } from "../../src/parent/request.ts"
import { WaitingLine } from "../../src/parent/waiting-line.ts"

class Waiting extends Request<string> {
  failure: unknown
  readonly name: string
  readonly kind: "slot" | "lease"
  constructor(name: string, kind: "slot" | "lease" = "slot") {
    super()
    this.name = name
    this.kind = kind
  }
  place() {}
  fail(error: unknown) {
    this.failure = error
  }
}

const names = (queue: RequestQueue<string>) => {
  const all: string[] = []
  for (let request = queue.head; request; request = request.behind) all.push((request as Waiting).name)
  return all
}

/** A line in which they all wait. */
function lineOf(...requests: Waiting[]) {
  const line = new WaitingLine<string>()
  for (const request of requests) line.join(request)
  return line
}

/** Takes the first out. */
function pop(line: WaitingLine<string>): string | undefined {
  const head = line.slots.head as Waiting | undefined
  if (head) line.remove(head)
  return head?.name
}

// The reference's queue is a module with keys of its own; here who waits is its own entry, so its key is the request itself.
describe("#8 the queue", () => {
  it("#8 gives out in the order in which it took in", () => {
    const line = lineOf(new Waiting("a"), new Waiting("b"), new Waiting("c"))
    expect(line.size).toBe(3)
    expect([pop(line), pop(line), pop(line)]).toEqual(["a", "b", "c"])
    expect(line.size).toBe(0)
  })

  it("#8 has nobody to give when it is empty", () => {
    const line = lineOf()
    expect(line.slots.head).toBeUndefined()
    expect(pop(line)).toBeUndefined()
    expect(line.size).toBe(0)
  })

  it("#8 passes over those who left, first, last and in the middle; who is unknown leaves nothing", () => {
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(name => new Waiting(name)) as [
      Waiting,
      Waiting,
      Waiting,
      Waiting,
      Waiting,
    ]
    const line = lineOf(a, b, c, d, e)
    expect([line.remove(c), line.remove(a), line.remove(e)]).toEqual([true, true, true])
    expect(names(line.slots)).toEqual(["b", "d"])
    expect([line.remove(c), line.remove(new Waiting("stranger"))]).toEqual([false, false])
    expect(line.size).toBe(2)
    expect([pop(line), pop(line), pop(line)]).toEqual(["b", "d", undefined])
  })

  it("#8 is as new when it was emptied", () => {
    const line = lineOf(new Waiting("a"), new Waiting("b"))
    pop(line)
    pop(line)
    for (const name of ["c", "d"]) line.join(new Waiting(name))
    expect(names(line.slots)).toEqual(["c", "d"])
    expect([line.slots.size, line.size]).toEqual([2, 2])
  })

  it("puts who comes back where it was, and who is to run again behind all", () => {
    const [a, b, c] = [new Waiting("a"), new Waiting("b"), new Waiting("c")]
    const line = lineOf(a, b, c)
    line.remove(a)
    line.remove(b)
    line.join(b)
    line.join(a)
    expect(names(line.slots)).toEqual(["a", "b", "c"])
    line.remove(a)
    line.rejoin(a)
    expect(names(line.slots)).toEqual(["b", "c", "a"])
  })

  it("counts who waits elsewhere, and lets it go from there", () => {
    const [a, b] = [new Waiting("a"), new Waiting("b")]
    const line = lineOf(a, b)
    const home = new RequestQueue<string>()
    line.move(b, home)
    line.move(a, home)
    expect([names(home), line.slots.size, line.size]).toEqual([["a", "b"], 0, 2])
    expect(line.remove(a)).toBe(true)
    expect([names(home), line.size]).toEqual([["b"], 1])
  })

  it("tells everybody in the order in which they came, whatever they wait for", () => {
    const told: string[] = []
    class Told extends Waiting {
      override fail() {
        told.push(this.name)
      }
    }
    const line = lineOf(new Told("a"), new Told("b", "lease"), new Told("c"))
    line.failAll(new Error("over"))
    expect(told).toEqual(["a", "b", "c"])
    expect(line.size).toBe(0)
  })
})
