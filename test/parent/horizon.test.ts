/** How much time a new runner has, and what is said to who needs more. */
import { describe, expect, it } from "vitest"
import { hasTime } from "../../src/parent/has-time.ts"
import { Horizon } from "../../src/parent/horizon.ts"
import { TimeLeft } from "../../src/parent/time-left.ts"
import { WalltimeError } from "../../src/shared/errors.ts"

describe("horizon", () => {
  it("knows nothing at first: nobody is refused", () => {
    const horizon = new Horizon(undefined)
    expect(horizon.refusal("train", 1e12)).toBeUndefined()
    expect([horizon.mostMs, horizon.leastMs]).toEqual([undefined, 0])
  })

  it("is the limit of the jobs, before any has run", () => {
    const horizon = new Horizon(600_000)
    expect(horizon.refusal("train", 598_000)).toBeUndefined()
    const error = horizon.refusal("train", 1_500_000)
    expect(error).toBeInstanceOf(WalltimeError)
    expect(error).toMatchObject({ code: "ERR_FLAME_WALLTIME", needsMs: 1_500_000, limitMs: 598_000 })
    expect(error!.message).toBe(
      "train needs 25m, and no runner of this pool can have that: the time limit of its jobs is 10m, which leaves 9m58s for calls " +
        "(2s are kept at the end). It is 15m2s too long\n" +
        "  hint: give the jobs more time (`#SBATCH --time`, or `walltime` of local()), split the work into shorter calls, or let it go on from checkpoints (`resumable`, without `needs`)",
    )
  })

  it("is then what the best of the last new runners had: a slow boot and a shortened limit are not the rule", () => {
    const horizon = new Horizon(600_000)
    horizon.note(590_000)
    expect(horizon.refusal("train", 588_001)?.message).toMatch(
      /train needs 9m48s.* the best of the last new ones had 9m48s for calls when it served \(2s are kept at the end\)\. It is 1ms too long/,
    )
    horizon.note(60_000)
    expect(horizon.refusal("train", 588_000)).toBeUndefined()
    expect(horizon.leastMs).toBe(58_000)
    for (let i = 0; i < 3; i++) horizon.note(100_000)
    expect(horizon.refusal("train", 588_000)).toBeInstanceOf(WalltimeError)
  })

  it("is endless where one of them had no end", () => {
    const horizon = new Horizon(undefined)
    horizon.note(100_000)
    horizon.note(Number.POSITIVE_INFINITY)
    expect(horizon.refusal("train", 1e12)).toBeUndefined()
    expect(horizon.leastMs).toBe(98_000)
  })
})

describe("a runner's time", () => {
  const runner = (leftMs: number, known = true) => ({ time: { leftMs, known } })

  it.each<[string, ReturnType<typeof runner>, number, boolean, boolean]>([
    ["any, for what needs nothing", runner(0), 0, false, true],
    ["what is left but for the margin", runner(12_000), 10_000, false, true],
    ["not a bit less", runner(11_999), 10_000, false, false],
    ["without an end", runner(Number.POSITIVE_INFINITY), 1e12, false, true],
    [
      "with an end that nobody knows yet, for who was said to need it",
      runner(Number.POSITIVE_INFINITY, false),
      1,
      false,
      false,
    ],
    ["and for who only seems to", runner(Number.POSITIVE_INFINITY, false), 1, true, true],
  ])("is enough: %s", (_what, one, needs, soft, enough) => {
    expect(hasTime(one, needs, soft)).toBe(enough)
  })

  it("is known from the scheduler's first word on, and told when it is another", () => {
    const time = new TimeLeft()
    let told = 0
    time.onChange(() => told++)
    expect(time.known).toBe(false)
    time.set(undefined)
    expect([time.known, time.leftMs, told]).toEqual([true, Number.POSITIVE_INFINITY, 1])
    time.set(Date.now() + 60_000, 90_000)
    const { endsAt } = time
    expect([time.limitMs, told]).toEqual([90_000, 2])
    time.set(endsAt)
    time.set(undefined) // that it names none now takes nothing back
    expect([time.endsAt, told]).toEqual([endsAt, 2])
    time.forget()
    expect([time.known, time.leftMs]).toEqual([false, Number.POSITIVE_INFINITY])
  })
})
