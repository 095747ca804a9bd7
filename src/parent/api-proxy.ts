/**
 * `api`: the object whose properties are the functions of the runner's module. Owns the path syntax; what a call does is the
 * invoker's business. Answers no question that could be mistaken for a call (symbols, `then` of the root, `toJSON`).
 */
import { OptionError } from "../shared/errors.ts"
import type { Operation } from "./call.ts"

/** Turns an operation into a promise. */
export type Invoke = (operation: Operation) => unknown

/** Asked by printers, loggers and the language itself, never meant as a call. */
const NOT_REMOTE = new Set(["toJSON", "constructor", "prototype", "__proto__", "inspect", "nodeType", "$$typeof"])

/**
 * The root object. Each path is made once and kept.
 * @param own What the root has under symbols: it is an object that is held, and no module.
 */
export function apiProxy(invoke: Invoke, own?: ReadonlyMap<symbol, unknown>): object {
  return node([], invoke, own)
}

function node(path: string[], invoke: Invoke, own?: ReadonlyMap<symbol, unknown>): object {
  const name = own ? "object" : "api"
  const children = new Map<string, object>()
  const apply = (_target: object, _this: unknown, args: unknown[]) => invoke({ kind: "apply", path, args })
  const read = () => Promise.resolve(invoke({ kind: "get", path }))
  return new Proxy(path.length === 0 ? Object.create(null) : () => {}, {
    get(_target, property) {
      // Without it, `${api.train}` would look for toString on the runner.
      if (property === Symbol.toPrimitive) return () => `[remote ${[name, ...path].join(".")}]`
      if (typeof property === "symbol") return path.length === 0 ? own?.get(property) : undefined
      if (NOT_REMOTE.has(property)) return undefined
      // `await api.config` reads the export; `await api` is what it is.
      if (property === "then") return path.length === 0 ? undefined : then(read)
      let child = children.get(property)
      if (!child) {
        child = node([...path, property], invoke, own)
        children.set(property, child)
      }
      return child
    },
    set(_target, property) {
      throw new OptionError(String(property), `${[name, ...path, String(property)].join(".")} cannot be assigned`, {
        hint: own
          ? "it lives on its runner: call a method that changes it"
          : "the module on the runner is not a shared object: export a function that changes its state",
      })
    },
    apply,
    has: () => false,
    ownKeys: target => Reflect.ownKeys(target),
  })
}

function then(read: () => Promise<unknown>) {
  return (resolve: (value: unknown) => unknown, reject?: (error: unknown) => unknown) => read().then(resolve, reject)
}
