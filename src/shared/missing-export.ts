/** The error for a name that a module does not export; the same words on the parent, before anything is sent, and on the runner. */
import { NoExportError } from "./errors.ts"
import { suggest } from "./suggest.ts"

const MOST = 40

/** @param known The names there are, dotted for namespaces. */
export function missingExport(known: readonly string[], path: readonly string[]): NoExportError {
  const name = path.join(".")
  const near = suggest(name, known)
  // Classes are not among the names: an instance would not cross. Who calls one should not be told that it is not there.
  const isClass = /^[A-Z][a-z]/.test(path.at(-1) ?? "")
  const forClass = isClass ? `; if it is a class, export a function that returns \`proxy(new ${path.at(-1)}())\`` : ""
  return new NoExportError(
    `the module exports no function or data "${name}"${near === undefined ? "" : `. Did you mean "${near}"?`}`,
    {
      hint:
        (known.length > 0 ? `it exports: ${listed(known)}` : "it exports nothing: add `export` to its functions") +
        forClass,
    },
  )
}

/** A list that a reader can take in. */
function listed(names: readonly string[]): string {
  return names.length <= MOST ? names.join(", ") : `${names.slice(0, MOST).join(", ")} and ${names.length - MOST} more`
}
