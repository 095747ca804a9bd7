/**
 * The user's own types that may cross. Owns the one SuperJSON instance they are registered with; the walk over what they
 * are made of is the codec's, so typed arrays, callbacks and cycles work inside them too. Both ends must register a type
 * under the same name. The instance is on a well-known symbol of the global object: a bundled user module holds its own copy of
 * this file, and what it registers is for the codec of the worker.
 */
import { SuperJSON } from "superjson"
import { OptionError } from "../shared/errors.ts"

const KEY = Symbol.for("slurm-flame.types")
const holder = globalThis as { [KEY]?: { readonly superjson: SuperJSON; readonly names: Set<string> } }

function types() {
  holder[KEY] ??= { superjson: new SuperJSON(), names: new Set() }
  return holder[KEY]
}

/** How a value of the user's own type crosses. */
export interface RegisteredType<T, J> {
  /** Asked for every object that is neither plain nor of a type the codec knows by itself. */
  isApplicable(value: unknown): value is T
  /** What is sent instead; may hold anything that can cross. */
  serialize(value: T): J
  /** Makes the value again. Its input comes from the other side. */
  deserialize(json: J): T
}

/** A registered type whose value and JSON types are not known statically. */
export type AnyType = RegisteredType<unknown, unknown> & { readonly name: string }
/** Any class. */
export type AnyClass = abstract new (...args: never[]) => object

/**
 * Lets values of a type cross under `name`. Built-in types (Date, Map, typed arrays, ...) keep their own encoding.
 * @throws OptionError when the name is taken.
 */
export function registerType<T, J>(name: string, type: RegisteredType<T, J>): void {
  if (types().names.has(name)) {
    throw new OptionError("name", `a type named ${JSON.stringify(name)} is registered already`, {
      hint: "register each type once, under a name of its own",
    })
  }
  const custom = type as unknown as RegisteredType<never, never>
  types().superjson.registerCustom<never, never>(
    {
      isApplicable: (v): v is never => custom.isApplicable(v),
      serialize: v => custom.serialize(v),
      deserialize: v => custom.deserialize(v),
    },
    name,
  )
  types().names.add(name)
}

/**
 * Lets instances of a class cross: own enumerable fields are copied, the prototype is set, the constructor is not called.
 * `name`: the class's own name by default; give one where a bundler shortens names.
 * @throws OptionError when the name is taken by another class, empty, or when the class keeps its content outside fields.
 */
export function registerClass(ctor: AnyClass, name: string = ctor.name): void {
  if (name === "") throw new OptionError("name", "a class without a name was registered", { hint: "pass a name" })
  const known = types().superjson.classRegistry.getValue(name)
  if (known !== undefined && known !== (ctor as unknown)) {
    throw new OptionError("name", `another class is registered as ${JSON.stringify(name)} already`, {
      hint: "pass a name of its own as the second argument",
    })
  }
  const slotted = [Map, Set, Date, RegExp, Array, Promise, ArrayBuffer, Object.getPrototypeOf(Uint8Array), DataView]
  if (slotted.some(base => ctor.prototype instanceof base)) {
    throw new OptionError("ctor", `${name} extends a built-in class whose content is not in fields`, {
      hint: "use registerType() and say how to serialize it",
    })
  }
  types().superjson.registerClass(ctor as never, name)
}

/** The registered type that applies to `value`. */
export function typeOf(value: object): AnyType | undefined {
  return types().names.size === 0
    ? undefined
    : (types().superjson.customTransformerRegistry.findApplicable(value) as AnyType | undefined)
}

/** The type registered under `name`. */
export function typeNamed(name: string): AnyType | undefined {
  // superjson keeps them in a plain object: "constructor" must find nothing.
  return types().names.has(name)
    ? (types().superjson.customTransformerRegistry.findByName(name) as AnyType | undefined)
    : undefined
}

/** The name under which exactly this class (not a superclass of it) is registered. */
export function nameOfClass(ctor: unknown): string | undefined {
  return types().superjson.classRegistry.getIdentifier(ctor as never)
}

/** The class registered under `name`. */
export function classNamed(name: string): { readonly prototype: object } | undefined {
  return types().superjson.classRegistry.getValue(name)
}
