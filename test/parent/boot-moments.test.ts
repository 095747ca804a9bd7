/** When a runner's boot came how far, and what of that is void when the boot begins anew. */
import { describe, expect, it } from "vitest"
import { type BootInfo, BootMoments } from "../../src/parent/boot-moments.ts"

const seen = (moments: BootMoments): Record<string, number> =>
  Object.fromEntries(
    Object.entries(moments.info as unknown as Record<keyof BootInfo, Date | undefined>).flatMap(([name, at]) =>
      at ? [[name, at.getTime()]] : [],
    ),
  )

function served(): BootMoments {
  const moments = new BootMoments(1_000)
  moments.moved("submitted", 1_010)
  moments.moved("pending", 1_020)
  moments.moved("booting", 1_030)
  moments.connected(1_040)
  moments.moved("ready", 1_050)
  return moments
}

describe("the moments of a boot", () => {
  it("are known as they come", () => {
    const moments = new BootMoments(1_000)
    expect(seen(moments)).toEqual({ wanted: 1_000 })
    moments.moved("submitted", 1_010)
    moments.moved("pending", 1_020)
    expect(seen(moments)).toEqual({ wanted: 1_000, submitted: 1_010 })
    expect(seen(served())).toEqual({
      wanted: 1_000,
      submitted: 1_010,
      running: 1_030,
      connected: 1_040,
      serving: 1_050,
    })
  })

  it("stay when the runner ends", () => {
    const moments = served()
    moments.moved("draining", 2_000)
    moments.moved("gone", 2_010)
    expect(seen(moments)).toEqual(seen(served()))
  })

  it("are those of the newest start when the job was put back into the queue", () => {
    const moments = served()
    moments.moved("pending", 2_000)
    expect(seen(moments)).toEqual({ wanted: 1_000, submitted: 1_010 })
    moments.moved("booting", 2_030)
    expect(seen(moments)).toEqual({ wanted: 1_000, submitted: 1_010, running: 2_030 })
  })

  it("are those of the newest worker when that was started again", () => {
    const moments = served()
    moments.moved("booting", 2_000)
    expect(seen(moments)).toEqual({ wanted: 1_000, submitted: 1_010, running: 2_000 })
  })
})
