/**
 * Reads a report that was written before, maybe by another version: what is not one, or holds more than a report can, is refused with the
 * place and the reason. No text of it can steer a terminal.
 */
import { createReadStream } from "node:fs"
import { type Report, SCHEMA } from "./report.ts"
import { plainTexts } from "./report-text.ts"

/** What a report may hold: far beyond what the suite writes, and little enough to be drawn. */
const MOST = { bytes: 128 * 2 ** 20, groups: 1_000, figures: 20_000, slices: 10_000, buckets: 5_000, items: 10_000 }

/** @throws Error that names the file, where in it, and what was expected there */
export async function readReport(file: string): Promise<Report> {
  const text = await readText(file).catch(cause => {
    throw new Error(`cannot read the report ${file}: ${cause.message}`, { cause })
  })
  return parseReport(text, file)
}

/** A device or a pipe may never end. */
async function readText(file: string): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of createReadStream(file)) {
    parts.push(part)
    bytes += part.length
    if (bytes > MOST.bytes) throw new Error(`it is larger than ${MOST.bytes / 2 ** 20} MiB, as no report is`)
  }
  return Buffer.concat(parts).toString("utf8")
}

/**
 * @param where it is from, for the error
 * @throws Error that says where in it something is wrong, and what was expected there
 */
export function parseReport(text: string, where: string): Report {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\ufeff/, "")) // some editors put a byte order mark there
  } catch (cause) {
    throw new Error(`${where} is no JSON: ${(cause as Error).message}`, { cause })
  }
  const schema = isObject(value) ? value.schema : undefined
  if (schema === undefined) throw new Error(`${where} is no report of this suite: it has no "schema"`)
  if (schema !== SCHEMA) {
    throw new Error(
      `${where} has schema ${shown(schema)}, and this version reads ${SCHEMA}: ` +
        "measure it anew, or read it with the version that wrote it",
    )
  }
  try {
    const plain = plainTexts(value)
    report(plain, "")
    return plain as Report
  } catch (cause) {
    throw new Error(`${where}: ${(cause as Error).message}`, { cause })
  }
}

type Check = (value: unknown, at: string) => void

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

function refuse(value: unknown, at: string, expected: string): never {
  throw new Error(`${at || "the whole"} is ${shown(value)}, expected ${expected}`)
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (isObject(value)) return "an object"
  const found = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "missing")
  return found.length > 60 ? `${found.slice(0, 60)}…` : found
}

const text: Check = (value, at) => typeof value === "string" || refuse(value, at, "a text")
/** JSON has 1e999, which is none. */
const number: Check = (value, at) => Number.isFinite(value) || refuse(value, at, "a number")
const above =
  (least: number): Check =>
  (value, at) =>
    (Number.isFinite(value) && (value as number) > least) || refuse(value, at, `a number above ${least}`)
const truth: Check = (value, at) => typeof value === "boolean" || refuse(value, at, "true or false")
const anything: Check = () => undefined
const orNull =
  (check: Check): Check =>
  (value, at) =>
    value === null || check(value, at)
const maybe =
  (check: Check): Check =>
  (value, at) =>
    value === undefined || check(value, at)
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value, at) =>
    allowed.includes(value as string) || refuse(value, at, allowed.map(word => `"${word}"`).join(" or "))
const list =
  (of: Check, most: number): Check =>
  (value, at) => {
    if (!Array.isArray(value)) refuse(value, at, "a list")
    if (value.length > most) refuse(value, at, `${most} items at most`)
    for (const [i, item] of value.entries()) of(item, `${at}[${i}]`)
  }
const record =
  (of: Check): Check =>
  (value, at) => {
    if (!isObject(value)) refuse(value, at, "an object")
    const entries = Object.entries(value)
    if (entries.length > MOST.items) refuse(value, at, `${MOST.items} entries at most`)
    for (const [key, item] of entries) of(item, `${at}[${JSON.stringify(key)}]`)
  }
/** Fields that a later version adds are let through. */
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    if (!isObject(value)) refuse(value, at, "an object")
    for (const [key, check] of Object.entries(fields)) check(value[key], at === "" ? key : `${at}.${key}`)
  }

const spread = shape({ median: number, p25: number, p75: number, min: number, max: number, n: number })

const figure = shape({
  id: text,
  title: text,
  subject: text,
  unit: text,
  better: oneOf("less", "more"),
  parameter: maybe(shape({ name: text, value: number })),
  n: number,
  slices: list(orNull(number), MOST.slices),
  spread,
  value: maybe(number),
  ratios: maybe(record(spread)),
  histogram: maybe(shape({ low: above(0), growth: above(1), counts: list(number, MOST.buckets), max: number })),
  note: maybe(text),
})

const node = shape({
  name: text,
  role: oneOf("parent", "runner"),
  node: text,
  cpu: text,
  cores: number,
  memoryMiB: number,
  kernel: text,
  governor: maybe(text),
  load: number,
  address: text,
  interface: maybe(
    shape({
      name: text,
      mtu: number,
      speedMbit: maybe(number),
      driver: maybe(text),
      kind: oneOf("infiniband", "ethernet", "loopback", "virtual"),
      ipoibMode: maybe(text),
      ibRate: maybe(text),
    }),
  ),
})

const whole = shape({
  about: shape({
    version: text,
    date: text,
    command: text,
    backend: oneOf("local", "slurm"),
    slurm: maybe(text),
    tls: truth,
    nodes: list(node, MOST.items),
    shaping: maybe(text),
  }),
  options: record(anything),
  groups: list(
    shape({
      id: text,
      title: text,
      how: text,
      figures: list(figure, MOST.figures),
      skipped: list(shape({ subject: text, reason: text }), MOST.items),
      seconds: number,
    }),
    MOST.groups,
  ),
  warnings: list(text, MOST.items),
  seconds: number,
})

const report: Check = (value, at) => {
  whole(value, at)
  const figures = (value as Report).groups.reduce((sum, group) => sum + group.figures.length, 0)
  if (figures > MOST.figures) throw new Error(`groups hold ${figures} figures, expected ${MOST.figures} at most`)
}
