/** One drawn plot, and what its file is called. */
export interface Plot {
  /** Of its file, without `.svg`: letters, digits and dashes. */
  readonly name: string
  readonly caption: string
  readonly svg: string
}

/** Of these words, without the ending. */
export const fileName = (...parts: readonly string[]) =>
  parts
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 80) || "plot"
