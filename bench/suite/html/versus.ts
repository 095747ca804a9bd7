/** Where one stands against another, as a cell: `1.80× faster`, `2.13× slower`, `3.2 % less`. Owns the words, for all tables alike. */
import { change, threeDigits, times } from "../quantity.ts"
import type { Figure } from "../report.ts"
import { type Markup, tag } from "./elements.ts"

/** What being ahead, or behind, is called of such a figure. */
function word({ unit, better }: Pick<Figure, "unit" | "better">, ahead: boolean): string {
  if (unit !== "%" && unit !== "MiB") return ahead ? "faster" : "slower"
  return (better === "more") === ahead ? "more" : "less"
}

/** `33.1× faster`; what is close is said in percent. @param advantage above 1 it is ahead, whether less or more is better */
export function versus(
  figure: Pick<Figure, "unit" | "better">,
  advantage: number,
): readonly [size: string, word: string] {
  const factor = Math.max(advantage, 1 / advantage)
  if (factor < 1.005) return ["the", "same"]
  return [factor < 1.1 ? change(factor).replace("+", "") : times(factor, threeDigits), word(figure, advantage >= 1)]
}

/** With its colour. @param kind as of a standing */
export function versusCell(
  figure: Pick<Figure, "unit" | "better">,
  { advantage, kind }: { readonly advantage: number; readonly kind: "ahead" | "behind" | "near" | "unsure" },
  layout?: "two lines",
): Markup {
  const [size, name] = versus(figure, advantage)
  return tag(
    "span",
    { class: kind === "unsure" ? "near" : kind },
    layout === undefined ? `${size} ${name}` : [size, tag("span", { class: "line" }, name)],
  )
}
