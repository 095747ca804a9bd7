/** Reads a report that was written before, maybe by another version: what is not one is refused with the place and the reason. */
import { readFile } from "node:fs/promises"
import { type Report, SCHEMA } from "./report.ts"

/** @throws Error that names the file, where in it, and what was expected there */
export async function readReport(file: string): Promise<Report> {
  const text = await readFile(file, "utf8").catch(cause => {
    throw new Error(`cannot read the report ${file}: ${cause.message}`, { cause })
  })
  return parseReport(text, file)
}

/**
 * @param where it is from, for the error
 * @throws Error that says where in it something is wrong, and what was expected there
 */
export function parseReport(text: string, where: string): Report {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${where} is no JSON: ${(cause as Error).message}`, { cause })
  }
  const schema = isObject(value) ? value.schema : undefined
  if (schema === undefined) throw new Error(`${where} is no report of this suite: it has no "schema"`)
  if (schema !== SCHEMA) {
    throw new Error(
      `${where} has schema ${JSON.stringify(schema)}, and this version reads ${SCHEMA}: ` +
        "measure it anew, or read it with the version that wrote it",
    )
  }
  try {
    report(value, "")
  } catch (cause) {
    throw new Error(`${where}: ${(cause as Error).message}`, { cause })
  }
  return value as Report
}

type Check = (value: unknown, at: string) => void

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

function refuse(value: unknown, at: string, expected: string): never {
  const found = JSON.stringify(value) ?? "missing"
  throw new Error(
    `${at || "the whole"} is ${found.length > 60 ? `${found.slice(0, 60)}…` : found}, expected ${expected}`,
  )
}

const text: Check = (value, at) => typeof value === "string" || refuse(value, at, "a text")
const number: Check = (value, at) => typeof value === "number" || refuse(value, at, "a number")
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
  (of: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) refuse(value, at, "a list")
    for (const [i, item] of value.entries()) of(item, `${at}[${i}]`)
  }
const record =
  (of: Check): Check =>
  (value, at) => {
    if (!isObject(value)) refuse(value, at, "an object")
    for (const [key, item] of Object.entries(value)) of(item, `${at}[${JSON.stringify(key)}]`)
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
  slices: list(orNull(number)),
  spread,
  value: maybe(number),
  ratios: maybe(record(spread)),
  histogram: maybe(shape({ low: number, growth: number, counts: list(number), max: number })),
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

const report = shape({
  about: shape({
    version: text,
    date: text,
    command: text,
    backend: oneOf("local", "slurm"),
    slurm: maybe(text),
    tls: truth,
    nodes: list(node),
    shaping: maybe(text),
  }),
  options: record(anything),
  groups: list(
    shape({
      id: text,
      title: text,
      how: text,
      figures: list(figure),
      skipped: list(shape({ subject: text, reason: text })),
      seconds: number,
    }),
  ),
  warnings: list(text),
  seconds: number,
})
