/** What the plots' axes are: their words, ranges and the ideal that is drawn. */
import { expect, test } from "vitest"
import { reachOf, squareRoot, tail } from "../../bench/suite/plots/axis.ts"
import { byWords } from "../../bench/suite/plots/labels.ts"
import { plotsOf } from "../../bench/suite/plots/plots.ts"
import type { Figure } from "../../bench/suite/report.ts"
import { figureOf, group } from "./made-up-report.ts"

const series = (more: Partial<Figure> & Pick<Figure, "id" | "unit">, values: readonly (readonly [number, number])[]) =>
  values.map(([value, level]) =>
    figureOf({
      title: "T",
      subject: "slurm-flame",
      better: "more",
      parameter: { name: "runners", value },
      ...more,
      slices: [level, level, level],
    }),
  )

const svgOf = (figures: readonly Figure[]) => plotsOf(group("scaling", "Scaling", "How.", figures))[0]!.svg

/** The ends of the dotted line, in pixels. */
function idealOf(svg: string): { readonly x: number; readonly y: number }[] {
  const path = svg.match(/<path d="([^"]*)"[^>]*stroke="#8a8a8a"/)
  if (path === null) throw new Error("there is no dotted line")
  return path[1]!
    .split(/[ML]/)
    .filter(Boolean)
    .map(pair => {
      const [x, y] = pair.split(" ").map(Number)
      return { x: x!, y: y! }
    })
}

test("an efficiency's ideal is level, at 100 %", () => {
  const svg = svgOf(
    series({ id: "scaling/busy-efficiency", unit: "%" }, [
      [1, 96],
      [2, 80],
      [8, 60],
    ]),
  )
  expect(new Set(idealOf(svg).map(({ y }) => y)).size).toBe(1)
  expect(svg).toContain(">efficiency, %<")
})

test("a rate's ideal is straight, on two logarithmic axes", () => {
  const svg = svgOf(
    series({ id: "scaling/calls", unit: "calls/s" }, [
      [1, 1000],
      [2, 1700],
      [8, 4000],
    ]),
  )
  const [a, b, c] = idealOf(svg)
  expect((b!.y - a!.y) / (b!.x - a!.x)).toBeCloseTo((c!.y - a!.y) / (c!.x - a!.x), 2)
  expect(svg).toContain(">rate, calls/s (log)<")
})

test("ticks are at what was measured", () => {
  const points = [1, 8, 64, 512].map(value => [value, value * 10] as const)
  const svg = svgOf(
    series({ id: "rate/closed", unit: "calls/s", parameter: { name: "in flight", value: 0 } }, points).map(
      (made, i) => ({
        ...made,
        parameter: { name: "in flight", value: points[i]![0] },
      }),
    ),
  )
  for (const words of ["1", "8", "64", "512", "calls in flight (log)"]) expect(svg).toContain(`>${words}<`)
  expect(svg).not.toContain(">256<")
})

test("a whisker makes no range", () => {
  const reach = reachOf([10, 20])
  expect([0.01, 15, 100_000].map(reach)).toEqual([1, 15, 200])
  const [first, ...rest] = series({ id: "scaling/calls", unit: "calls/s" }, [
    [1, 1000],
    [2, 1700],
  ])
  const wide = { ...first!, spread: { ...first!.spread, p75: 1e9 } }
  const svg = svgOf([wide, ...rest])
  expect(svg).toContain("goes on beyond the plot")
  expect(svg).not.toContain("1e9")
})

test("single calls can be seen beside many, and are not half as high", () => {
  const { at } = squareRoot(10_000)
  expect(at(1)).toBe(0.01)
  expect(at(10_000)).toBe(1)
})

test("a distribution's axis ends with the largest of the values", () => {
  expect(tail(3000).at(1 - 1 / 3001)).toBeCloseTo(1, 9)
  expect(tail(3000).at(0.999)).toBeLessThan(1)
})

test("what a series goes by", () => {
  expect(["bytes", "runners", "in flight"].map(byWords)).toEqual([
    "by size",
    "by number of runners",
    "by calls in flight",
  ])
})
