/**
 * What a caller may reach of the user's module: its own exported functions and data, and those of plain namespaces among
 * them. Nothing inherited, no function's own properties, no class.
 */
import { NoExportError } from "../../shared/errors.ts"
import { missingExport } from "../../shared/missing-export.ts"

/** Names that lead from any object to shared prototypes, also where somebody exports them. */
const NEVER = new Set(["__proto__", "constructor", "prototype"])

/** Asked at every call, and the answer never changes: the source text is looked at once. */
const classes = new WeakMap<object, boolean>()

function isClass(value: unknown): boolean {
  if (typeof value !== "function") return false
  let known = classes.get(value)
  if (known === undefined) {
    known = /^class\b/.test(Function.prototype.toString.call(value))
    classes.set(value, known)
  }
  return known
}

/** A plain object, or a module namespace: something to step into, not a value. */
function isNamespace(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  const proto = Object.getPrototypeOf(value)
  return proto === null || proto === Object.prototype
}

const MAX_DEPTH = 4
/** Names inside of namespaces: they are for messages alone, where nobody reads more. */
const MAX_NESTED = 1_000
/** An object with more keys than this is data, not a namespace: its keys are no names. */
const MAX_KEYS = 200

/**
 * The names a caller can use, dotted for namespaces; for error messages on both sides. All of the module's own, and up to
 * 1,000 of those inside of its namespaces, the outer ones first. Runs no getter of the user's.
 */
export function exportNames(module: object): string[] {
  const own = members(module)
  const nested: string[] = []
  let level = own
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const next: typeof level = []
    for (const [prefix, value] of level) {
      if (typeof value !== "object" || value === null) continue
      for (const [name, inner] of nestedMembers(value)) {
        if (nested.length === MAX_NESTED) return [...own.map(([top]) => top), ...nested]
        nested.push(`${prefix}.${name}`)
        next.push([`${prefix}.${name}`, inner])
      }
    }
    level = next
  }
  return [...own.map(([top]) => top), ...nested]
}

/** Own members with a name that can be called or read from elsewhere; the value of a getter is left alone. */
function members(namespace: object): [name: string, value: unknown][] {
  return Object.keys(namespace)
    .filter(name => !NEVER.has(name))
    .map((name): [string, unknown] => [name, Object.getOwnPropertyDescriptor(namespace, name)?.value])
    .filter(([, value]) => !isClass(value))
}

/** The members of a value, where they are names; none for data, however it is made. */
function nestedMembers(value: object): [name: string, value: unknown][] {
  try {
    return isNamespace(value) && Object.keys(value).length <= MAX_KEYS ? members(value) : []
  } catch {
    // A proxy whose traps throw: it has a name of its own, and what is in it shows when somebody calls it.
    return []
  }
}

/**
 * The export at `path` and the object it is a member of.
 * @throws NoExportError with the names there are
 */
export function resolveExport(module: object, path: readonly string[]): { value: unknown; parent: object } {
  let parent: object = module
  let value: unknown = module
  for (let i = 0; i < path.length; i++) {
    const name = path[i]!
    const reachable = i === 0 || isNamespace(value)
    if (!reachable || NEVER.has(name) || !Object.hasOwn(value as object, name))
      throw missingExport(exportNames(module), path)
    parent = value as object
    value = (value as Record<string, unknown>)[name]
  }
  if (path.length === 0) throw missingExport(exportNames(module), path)
  return { value, parent }
}

type AnyFunction = (...args: readonly unknown[]) => unknown

/** The function at `path` and what it is a member of. @throws NoExportError when the export at `path` is no function. */
export function resolveFunction(module: object, path: readonly string[]): { fn: AnyFunction; parent: object } {
  const { value, parent } = resolveExport(module, path)
  if (isClass(value)) {
    const name = path.join(".")
    throw new NoExportError(`${name} is a class, which cannot be called from another process`, {
      hint: `export a function that returns an instance by reference: () => proxy(new ${path.at(-1)}())`,
    })
  }
  if (typeof value !== "function") {
    const name = path.join(".")
    throw new NoExportError(`${name} is not a function but ${value === null ? "null" : `data (${typeof value})`}`, {
      hint: `read it as a property: await api.${name}`,
    })
  }
  return { fn: value as AnyFunction, parent }
}
