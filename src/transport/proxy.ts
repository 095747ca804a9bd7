/** `proxy()`: pass an object or function by reference. Owns the marker only; live-values.ts gives it a channel. */
import { proxy as comlinkProxy } from "comlink"
import type { ProxyMarked } from "../shared/remote.ts"

/**
 * Marks `value` so that it crosses as a reference instead of a copy: the other side gets a remote object whose methods run
 * here. It lives until it is released or collected on the other side. The same as Comlink's `proxy`, with types of our own.
 */
export function proxy<T extends object>(value: T): T & ProxyMarked {
  return comlinkProxy(value) as unknown as T & ProxyMarked
}
