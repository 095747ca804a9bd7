/**
 * What may be reached of an object that is held from the other side: its own members and those of its classes, down to but
 * without `Object.prototype`. Pure; knows no channel and no message.
 */
import { NoExportError } from "../shared/errors.ts"

/** Names that lead from any object to shared prototypes; and `then`, which would make a promise of whatever has it. */
const NEVER = new Set(["__proto__", "constructor", "prototype", "then"])

type AnyFunction = (...args: readonly unknown[]) => unknown

/**
 * The member at `path` and what it is a member of. Beyond the first name only own members of plain objects are reached.
 * @throws NoExportError
 */
export function resolveMember(object: object, path: readonly string[]): { value: unknown; owner: object } {
  let owner = object
  let value: unknown = object
  for (let i = 0; i < path.length; i++) {
    const name = path[i]!
    if (!(i === 0 ? has(object, name) : isPlain(value) && isName(name) && Object.hasOwn(value, name))) {
      throw new NoExportError(`the object has no member "${path.join(".").slice(0, 200)}"`, {
        hint: "its own members and the methods of its class can be reached, and nothing that every object inherits",
      })
    }
    owner = value as object
    value = (owner as Record<string, unknown>)[name]
  }
  return { value, owner }
}

/** The method at `path` and its `this`. @throws NoExportError when it is none. */
export function resolveMethod(object: object, path: readonly string[]): { fn: AnyFunction; owner: object } {
  const { value, owner } = resolveMember(object, path)
  if (typeof value === "function") return { fn: value as AnyFunction, owner }
  const name = path.join(".").slice(0, 200)
  throw new NoExportError(`"${name}" is not a method of the object but ${value === null ? "null" : typeof value}`, {
    hint: "a property is read with `await`, and not called",
  })
}

function has(object: object, name: string): boolean {
  if (!isName(name)) return false
  for (let at: object | null = object; at !== null && !isRoot(at); at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, name)) return true
  }
  return false
}

function isName(name: string): boolean {
  return !NEVER.has(name) && !name.startsWith("#")
}

/** `Object.prototype` of any realm, and the root of functions. */
function isRoot(at: object): boolean {
  if (at === Object.prototype || at === Function.prototype) return true
  return Object.getPrototypeOf(at) === null && Object.hasOwn(at, "isPrototypeOf")
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === null || proto === Object.prototype
}
