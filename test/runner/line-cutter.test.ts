import { describe, expect, it } from "vitest"
import { LineCutter, MAX_LINE_BYTES } from "../../src/runner/supervisor/line-cutter.ts"

/** The lines of `bytes`, handed over in pieces of `size`. */
function lines(bytes: Buffer | string, size = 1): string[] {
  const all = Buffer.from(bytes as string)
  const found: string[] = []
  const cutter = new LineCutter(line => found.push(line))
  for (let at = 0; at < all.length; at += size) cutter.push(all.subarray(at, at + size))
  cutter.end()
  return found
}

describe("LineCutter", () => {
  it.each([1, 2, 3, 5, 7, 1_000])("finds the same lines in pieces of %i bytes", size => {
    const text = "one\n\n𝄞 naïve 漢字\r\nfour\rfive\n\nsix"
    expect(lines(text, size)).toEqual(["one", "", "𝄞 naïve 漢字", "four\rfive", "", "six"])
  })

  it("makes no line of nothing", () => {
    expect(lines("")).toEqual([])
    expect(lines("a\n")).toEqual(["a"])
  })

  it("keeps a line that just fits, and says what is missing of a longer one", () => {
    const fits = "x".repeat(MAX_LINE_BYTES)
    expect(lines(`${fits}\n${fits}y\n${fits}${"y".repeat(100_000)}\nnext`, 1_000)).toEqual([
      fits,
      `${fits}… (1 bytes cut)`,
      `${fits}… (100000 bytes cut)`,
      "next",
    ])
  })

  it.each([
    ["é", 2],
    ["漢", 3],
    ["🎻", 4],
  ])("cuts no character: %s", (character, bytes) => {
    for (let before = 0; before < bytes; before++) {
      const [line] = lines(`${"x".repeat(before)}${character.repeat(MAX_LINE_BYTES)}\n`, 4_096)
      const whole = Math.floor((MAX_LINE_BYTES - before) / bytes)
      const missing = bytes * (MAX_LINE_BYTES - whole)
      expect(line).toBe(`${"x".repeat(before)}${character.repeat(whole)}… (${missing} bytes cut)`)
    }
  })

  it("bears what is no UTF-8", () => {
    const noise = Buffer.concat([Buffer.alloc(10, 0xff), Buffer.from("\n"), Buffer.alloc(MAX_LINE_BYTES + 9, 0x80)])
    const [first, second] = lines(noise, 100)
    expect(first).toBe("\ufffd".repeat(10))
    expect(second).toMatch(/^\ufffd+… \(9 bytes cut\)$/)
  })
})
