/**
 * Small files of the kernel below /sys. Owns what "not known" is: no such file, or one that the driver does not answer, as `speed` of a
 * virtual interface (EINVAL), or that this process may not read. Knows no file by name.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import path from "node:path"

/** ENOENT, ENOTDIR: not here. EINVAL, EOPNOTSUPP, ENODEV, EIO: the driver cannot say. EACCES, EPERM: not to us. */
const NOT_KNOWN = new Set(["ENOENT", "ENOTDIR", "EINVAL", "EOPNOTSUPP", "ENOTSUP", "ENODEV", "EIO", "EACCES", "EPERM"])

/** The text of a file without its line end; undefined when that is not known or empty. @throws Error for anything else */
export function readText(file: string): string | undefined {
  return known(() => readFileSync(file, "utf8").trim()) || undefined
}

/** A whole number above 0, as text; undefined for anything else: `-1` and `4294967295` are how some drivers say that they do not know. */
export function readCount(file: string): number | undefined {
  const text = readText(file)
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const count = Number(text)
  return count > 0 && count < 0xff_ff_ff_ff ? count : undefined
}

/** The last part of where a link leads: a driver's name, for `device/driver`. */
export function linkName(file: string): string | undefined {
  const to = known(() => readlinkSync(file))
  return to === undefined ? undefined : path.basename(to)
}

/** The names in a directory, sorted; none when there is no such directory. */
export function names(directory: string): string[] {
  return (known(() => readdirSync(directory)) ?? []).sort()
}

function known<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (NOT_KNOWN.has((error as NodeJS.ErrnoException).code ?? "")) return undefined
    throw error
  }
}
