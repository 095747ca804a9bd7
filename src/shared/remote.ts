/**
 * `Remote<T>`: how a module, or an object, looks from the other side of a connection. Owns types only, and knows neither
 * Comlink (whose declarations need lib.dom) nor lib.dom itself, so that what is published type-checks in any Node project.
 *
 * Read from the bottom: `Remote` maps members, `RemoteFunction` maps a function, `Crossed` maps what comes back.
 */

type AnyFunction = (...args: any[]) => any
type AnyClass = abstract new (...args: any[]) => any

declare const proxyBrand: unique symbol
declare const reason: unique symbol

/** Marks what travels by reference, not as a copy. Only `proxy()` makes it; it exists for the compiler alone. */
export interface ProxyMarked {
  readonly [proxyBrand]: true
}

/** Stands where something cannot cross the wire. It can be neither called nor used: the compiler's error shows `Reason`. */
export interface Unsupported<Reason extends string> {
  readonly [reason]: Reason
}

/**
 * A stream from a runner. Both work: `for await (const x of api.losses(9))`, and `const s = await api.losses(9)` first.
 * Leaving the loop early ends the generator on the runner. `Ret` is what the generator returns at its end.
 */
export interface RemoteStream<Y, Ret = unknown>
  extends AsyncGenerator<Y, Ret, undefined>,
    PromiseLike<AsyncGenerator<Y, Ret, undefined>> {}

// ---------------------------------------------------------------------------------------------------------------------
// What comes back

type IsAny<T> = 0 extends 1 & T ? true : false
type IsNever<T> = [T] extends [never] ? true : false

/** Whatever `for await` or a generator protocol reads. Plain iterables (arrays, sets, strings) are values, not streams. */
type StreamLike = AsyncIterable<any> | (Iterator<any, any, any> & Iterable<any>)

type ItemOf<S> = S extends AsyncIterable<infer Y> ? Y : S extends Iterable<infer Y> ? Y : never

// A ReadableStream, or any other iterable without a typed end, returns nothing one could rely on: `unknown`.
type ReturnOf<S> =
  S extends AsyncGenerator<any, infer Ret, any> ? Ret : S extends Iterator<any, infer Ret, any> ? Ret : unknown

/** What is on the far side of a reference; without the mark, which says nothing to a reader. */
type Referenced<V> = V extends infer Bare & ProxyMarked
  ? Bare extends AnyFunction
    ? RemoteFunction<Bare>
    : Remote<Bare>
  : never

/** One value on its way back; distributes, so that `proxy(x) | undefined` keeps its `undefined`. */
type Crossed<V> =
  IsAny<V> extends true
    ? V
    : V extends ProxyMarked
      ? Referenced<V>
      : V extends AnyFunction
        ? Unsupported<"a returned function must be wrapped: return proxy(fn)">
        : V extends StreamLike
          ? AsyncGenerator<ItemOf<V>, ReturnOf<V>, undefined>
          : Tracked<V>

/** What says how it is disposed of. It does not cross as a copy, so where its type is seen, it was held by reference. */
type Resource = AsyncDisposable | Disposable

/** True for a resource, and for collections and plain objects with one in them, `Depth` levels down. */
type HoldsResource<V, Depth extends 0[] = [0, 0, 0]> =
  IsAny<V> extends true
    ? false
    : V extends AnyFunction | StreamLike | ProxyMarked
      ? false
      : V extends Resource
        ? true
        : Depth extends [0, ...infer Deeper extends 0[]]
          ? V extends ReadonlyMap<infer K, infer W>
            ? HoldsResource<K | W, Deeper>
            : V extends ReadonlySet<infer W>
              ? HoldsResource<W, Deeper>
              : V extends readonly (infer W)[]
                ? HoldsResource<W, Deeper>
                : V extends object
                  ? [Extract<keyof V, ValueKey>] extends [never]
                    ? { [K in keyof V]-?: HoldsResource<V[K], Deeper> }[keyof V]
                    : false
                  : false
          : false

/** The same value with its resources (`trackResources`) as the other side sees them. Others are what they are. */
type Tracked<V> =
  true extends HoldsResource<V>
    ? V extends Resource
      ? Remote<V> & AsyncDisposable
      : V extends Map<infer K, infer W>
        ? Map<Tracked<K>, Tracked<W>>
        : V extends Set<infer W>
          ? Set<Tracked<W>>
          : { [K in keyof V]: Tracked<V[K]> }
    : V

/** What `await api.f()` gives, where `R` is the return type that `f` declares: unwrapped, streams readable, proxies remote. */
export type Settled<R> = Crossed<Awaited<R>>

type IsStream<V> =
  IsAny<V> extends true
    ? false
    : IsNever<V> extends true
      ? false
      : [V] extends [ProxyMarked]
        ? false
        : [V] extends [StreamLike]
          ? true
          : false

/** A union of returns becomes one promise of the union, never a union of promises. */
type RemoteReturn<R> =
  IsStream<Awaited<R>> extends true ? RemoteStream<ItemOf<Awaited<R>>, ReturnOf<Awaited<R>>> : Promise<Settled<R>>

/** True when nothing in `R` changes on its way, so that the function's own type is already the right one. */
type IsPlainPromise<R> =
  IsAny<R> extends true
    ? false
    : IsNever<R> extends true
      ? false
      : [R] extends [Promise<infer V>]
        ? IsAny<V> extends true
          ? true
          : true extends HoldsResource<V>
            ? false
            : IsNever<Extract<V, ProxyMarked | AnyFunction | StreamLike>>
        : false

// ---------------------------------------------------------------------------------------------------------------------
// What goes in

/**
 * The callbacks among the parameters `A` that would lie. A callback runs on the caller, so the runner gets a promise
 * from it; that is sound where the declared result admits one, or where it is void. Only direct parameters are checked.
 */
type LyingCallback<A> =
  IsAny<A> extends true
    ? never
    : A extends (...args: any[]) => infer R
      ? [R] extends [void]
        ? never
        : Promise<Awaited<R>> extends R
          ? never
          : A
      : never

// ---------------------------------------------------------------------------------------------------------------------
// Functions

interface Signature {
  args: any[]
  returns: unknown
}

type Same<A, B> = [A, B] extends [B, A] ? true : false

// Matching fewer overloads than are asked for, TypeScript fills the open places in front: with the first overload again
// (6.0), or with `unknown` (5.x). Neither is an overload of the user's.
type Prepend<A, R, Rest extends Signature[]> =
  Same<[A, R], [unknown[], unknown]> extends true
    ? Rest
    : A extends any[]
      ? Rest extends [infer Next extends Signature, ...any[]]
        ? Same<[A, R], [Next["args"], Next["returns"]]> extends true
          ? Rest
          : [{ args: A; returns: R }, ...Rest]
        : [{ args: A; returns: R }]
      : Rest

/** The overloads of `F`, up to four, in order. A type parameter of a generic function is seen as its constraint. */
type Signatures<F> = F extends {
  (...args: infer A1): infer R1
  (...args: infer A2): infer R2
  (...args: infer A3): infer R3
  (...args: infer A4): infer R4
}
  ? Prepend<A1, R1, Prepend<A2, R2, Prepend<A3, R3, [{ args: A4; returns: R4 }]>>>
  : F extends (...args: infer A) => infer R
    ? [{ args: A; returns: R }]
    : never

type RemoteSignatures<S extends Signature[]> = S extends [
  infer One extends Signature,
  ...infer Rest extends Signature[],
]
  ? Rest extends []
    ? (...args: One["args"]) => RemoteReturn<One["returns"]>
    : ((...args: One["args"]) => RemoteReturn<One["returns"]>) & RemoteSignatures<Rest>
  : never

/**
 * A function as its caller on the other side sees it. An async one keeps its very type, so that generics, overloads,
 * parameter names and comments survive. Any other returns a promise, or a stream, where the limits of the language apply:
 * its type parameters are lost, and all but its last four overloads.
 */
export type RemoteFunction<F> =
  IsAny<F> extends true
    ? F
    : F extends ProxyMarked
      ? Referenced<F>
      : Signatures<F> extends infer S extends Signature[]
        ? IsNever<LyingCallback<S[number]["args"][number]>> extends true
          ? IsPlainPromise<S[number]["returns"]> extends true
            ? F
            : RemoteSignatures<S>
          : Unsupported<"a callback parameter must return void or a Promise: it runs on the caller">
        : never

// ---------------------------------------------------------------------------------------------------------------------
// Modules and objects

// Values with behaviour of their own (Date, Map, RegExp, URL, buffers, arrays, promises, streams) are told by these keys.
type ValueKey =
  | "toJSON"
  | typeof Symbol.iterator
  | typeof Symbol.asyncIterator
  | typeof Symbol.toPrimitive
  | typeof Symbol.toStringTag
  | typeof Symbol.match

/** True for an object with functions somewhere in it. Looks `Depth` levels down, because types of data may be endless. */
type IsNamespace<V, Depth extends 0[] = [0, 0, 0]> = V extends object
  ? [Extract<keyof V, ValueKey>] extends [never]
    ? true extends { [K in keyof V]-?: HoldsFunctions<V[K], Depth> }[keyof V]
      ? true
      : false
    : false
  : false

type HoldsFunctions<V, Depth extends 0[]> =
  IsAny<V> extends true
    ? false
    : V extends AnyFunction
      ? true
      : V extends AnyClass
        ? false
        : Depth extends [0, ...infer Deeper extends 0[]]
          ? IsNamespace<V, Deeper>
          : false

// A class with a private constructor is no `abstract new`, but it still has a prototype.
type IsClass<V> =
  IsAny<V> extends true
    ? false
    : V extends AnyFunction
      ? false
      : V extends AnyClass | { readonly prototype: object }
        ? true
        : false

type RemoteMember<V> =
  IsAny<V> extends true
    ? V
    : [Exclude<V, undefined>] extends [AnyFunction]
      ? RemoteFunction<Exclude<V, undefined>>
      : [V] extends [ProxyMarked]
        ? Referenced<V>
        : true extends IsNamespace<V>
          ? Remote<V>
          : Promise<Settled<V>>

// Symbols have no path over the wire, and a root with a `then` would be taken for a promise by every `await`.
type RemoteKey<K, V> = K extends symbol | "then" ? never : IsClass<V> extends true ? never : K

/**
 * `typeof import("./train.ts")`, or an object behind `proxy()`, as the other side sees it: functions return promises or
 * streams, objects with functions nest, plain data is read with `await`. Classes are hidden, for an instance does not
 * cross the wire: export a function that returns `proxy(new Model())`, which gives a `Remote<Model>`.
 */
export type Remote<T> = {
  readonly [K in keyof T as RemoteKey<K, T[K]>]: RemoteMember<T[K]>
}

/**
 * What `pool.place()` gives: the object as the other side sees it, with its disposal. What is no object cannot be placed.
 */
export type Placed<V> =
  IsAny<V> extends true
    ? any
    : V extends AnyFunction | readonly unknown[]
      ? Unsupported<"place() needs an object with methods">
      : V extends object
        ? Remote<V> & AsyncDisposable
        : Unsupported<"place() needs an object with methods">
