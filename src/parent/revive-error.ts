/**
 * Our own errors that a runner threw on behalf of a call, as instances of their classes again. Owns which classes can come
 * from there; what crosses is transport's business.
 */
import { type FlameError, NoExportError, NotSerializableError, PayloadTooLargeError } from "../shared/errors.ts"

/** What a runner says of a call. Errors about pools and runners are left as they came: they speak of others than ours. */
const CLASSES = new Map<unknown, { readonly prototype: FlameError }>([
  ["ERR_FLAME_NO_EXPORT", NoExportError],
  ["ERR_FLAME_NOT_SERIALIZABLE", NotSerializableError],
  ["ERR_FLAME_PAYLOAD_TOO_LARGE", PayloadTooLargeError],
])

/** Turns `error` itself into an instance of the class its code stands for; all its fields have crossed. */
export function reviveError(error: Error & { code?: unknown }): void {
  const known = CLASSES.get(error.code)
  if (known && error.name === known.prototype.constructor.name) Object.setPrototypeOf(error, known.prototype)
}
