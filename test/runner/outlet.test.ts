import { PassThrough, Writable } from "node:stream"
import { describe, expect, it } from "vitest"
import { Outlet } from "../../src/runner/supervisor/outlet.ts"

const MiB = 1024 * 1024

/** Somebody who takes what is written when he is told to. */
function reader() {
  const waiting: (() => void)[] = []
  const taken = { bytes: 0 }
  let open = false
  const to = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const take = () => {
        taken.bytes += chunk.length
        done()
      }
      if (open) take()
      else waiting.push(take)
    },
  })
  return {
    to,
    taken,
    read() {
      open = true
      for (const take of waiting.splice(0)) take()
    },
  }
}

describe("Outlet", () => {
  it("passes on all, and holds up the source only when much of it waits", async () => {
    const { to, taken, read } = reader()
    const outlet = new Outlet(to)
    const from = new PassThrough()
    let seen = 0
    outlet.take(from, chunk => {
      seen += chunk.length
    })
    for (let i = 0; i < 64; i++) from.write(Buffer.alloc(MiB))
    await expect.poll(() => from.isPaused()).toBe(true)
    expect(seen).toBeGreaterThan(16 * MiB)
    expect(seen).toBeLessThan(20 * MiB)
    read()
    await expect.poll(() => taken.bytes).toBe(64 * MiB)
    expect(seen).toBe(64 * MiB)
  })

  it("lets the source go on when nobody takes anything any more", async () => {
    const { to } = reader()
    const outlet = new Outlet(to)
    const from = new PassThrough()
    let seen = 0
    outlet.take(from, chunk => {
      seen += chunk.length
    })
    for (let i = 0; i < 64; i++) from.write(Buffer.alloc(MiB))
    await expect.poll(() => from.isPaused()).toBe(true)
    to.destroy(new Error("EPIPE"))
    await expect.poll(() => seen).toBe(64 * MiB)
    await outlet.flushed(60_000)
  })

  it("is flushed when all has been taken", async () => {
    const { to, taken, read } = reader()
    const outlet = new Outlet(to)
    await outlet.flushed(60_000)
    to.write("some")
    const flushed = outlet.flushed(60_000)
    read()
    await flushed
    expect(taken.bytes).toBe(4)
  })

  it("is not waited for any longer than that", async () => {
    const { to } = reader()
    const outlet = new Outlet(to)
    to.write("some")
    await outlet.flushed(1)
  })
})
