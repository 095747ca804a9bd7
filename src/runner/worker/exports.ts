/**
 * What a caller may reach of the user's module: its own exported functions and data, and those of plain namespaces among
 * them. Nothing inherited, no function's own properties, no class.
 */
import { NoExportError } from "../../shared/errors.ts"
import { missingExport } from "../../shared/missing-export.ts"

/** Names that lead from any object to shared prototypes, also where somebody exports them. */
const NEVER = new Set(["__proto__", "constructor", "prototype"])

const isClass = (value: unknown): boolean =>
  typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value))

/** A plain object, or a module namespace: something to step into, not a value. */
function isNamespace(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  const proto = Object.getPrototypeOf(value)
  return proto === null || proto === Object.prototype
}

/** The names a caller can use, dotted for namespaces; for error messages on both sides. */
export function exportNames(module: object, prefix = "", depth = 0): string[] {
  const names: string[] = []
  for (const [name, value] of Object.entries(module)) {
    if (NEVER.has(name) || isClass(value)) continue
    names.push(prefix + name)
    if (depth < 4 && isNamespace(value)) names.push(...exportNames(value, `${prefix}${name}.`, depth + 1))
  }
  return names
}

/**
 * The export at `path` and the object it is a member of.
 * @throws NoExportError with the names there are
 */
export function resolveExport(module: object, path: readonly string[]): { value: unknown; parent: object } {
  let parent: object = module
  let value: unknown = module
  for (const [i, name] of path.entries()) {
    const reachable = i === 0 || isNamespace(value)
    if (!reachable || NEVER.has(name) || !Object.hasOwn(value as object, name))
      throw missingExport(exportNames(module), path)
    parent = value as object
    value = (value as Record<string, unknown>)[name]
  }
  if (path.length === 0) throw missingExport(exportNames(module), path)
  return { value, parent }
}

/** @throws NoExportError when the export at `path` is no function. */
export function resolveFunction(module: object, path: readonly string[]): (...args: unknown[]) => unknown {
  const { value, parent } = resolveExport(module, path)
  const name = path.join(".")
  if (isClass(value)) {
    throw new NoExportError(`${name} is a class, which cannot be called from another process`, {
      hint: `export a function that returns an instance by reference: () => proxy(new ${path.at(-1)}())`,
    })
  }
  if (typeof value !== "function") {
    throw new NoExportError(`${name} is not a function but ${value === null ? "null" : `data (${typeof value})`}`, {
      hint: `read it as a property: await api.${name}`,
    })
  }
  return (...args) => (value as (...args: unknown[]) => unknown).apply(parent, args)
}
